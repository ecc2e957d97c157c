"""Config: what holds at every start, before kerneltui.toml says anything."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from kerneltui.fleet.model.retention import Limits
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL

if TYPE_CHECKING:
    from kerneltui.protocol.connection import Transport
    from kerneltui.tui.keys.keymap import Keymap

MAX_FILE = 256_000  # bytes of kerneltui.toml
REFRESH = 0.2  # seconds: what a person sees as at once

Notifications = Literal["off", "bell", "osc9", "osc777"]


@frozen
class Config:
    """What holds at every start. What is None is as it was left the last time."""

    theme: str | None = None
    """A name of THEMES."""
    refresh: float = REFRESH
    """Seconds between two looks at the kernels."""
    mouse: bool = True
    """False leaves the mouse to the terminal, to select text with."""
    ascii: bool = False
    """Write nothing but ASCII, whatever the locale."""
    read_only: bool = False
    """Start locked: kernels are watched, and nothing is asked of them."""
    columns: tuple[str, ...] | None = None
    """Ids of the table's columns, in their order."""
    sort: str | None = None
    """The id of the column to sort by; after a minus sign the other way round."""
    filter: str | None = None
    """What the table shows, as after `/`."""
    kernelspec: str = ""
    """What the start dialog offers first."""
    transport: Transport = "auto"
    """How kernels that are started here are reached; auto is ipc where the kernel can."""
    stack_signal: str = STACK_SIGNAL
    """At which Python kernels that are started here tell their stacks; or "off"."""
    notifications: Notifications = "off"
    """How the terminal tells that a kernel died, or that a long run ended."""
    notify_after: float = 30.0
    """Seconds that make a run a long one."""
    keys: Keymap = field(default_factory=dict)
    """Keys by the id of the action that they are given to; no two clash."""
    unconfirmed: frozenset[str] = frozenset()
    """Verbs of ASKED that act at once."""
    limits: Limits = Limits()
    """How much of the kernels' output is kept."""
