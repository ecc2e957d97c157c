"""Config: the settings that kerneltui.toml can change, with their defaults."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from kerneltui.fleet.engines.settings import EngineSettings
from kerneltui.fleet.model.retention import Limits
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kerneltui.fleet.model.launch_mode import LaunchMode
    from kerneltui.protocol.connection import Transport
    from kerneltui.tui.keys.keymap import Keymap

MAX_FILE = 256_000  # bytes of kerneltui.toml
REFRESH = 0.2  # seconds: a person sees this as immediate

Notifications = Literal["off", "bell", "osc9", "osc777"]


@frozen
class Config:
    """The settings of kerneltui.toml. None: as it was at the end of the last session."""

    theme: str | None = None
    """A name of THEMES."""
    refresh: float = REFRESH
    """Seconds between two looks at the kernels."""
    mouse: bool = True
    """False leaves the mouse to the terminal, to select text with."""
    ascii: bool = False
    """Write ASCII only, whatever the locale."""
    read_only: bool = False
    """Start locked: kernels are watched, and nothing is asked of them."""
    columns: tuple[str, ...] | None = None
    """Ids of the table's columns, in their order."""
    sort: str | None = None
    """The id of the column to sort by; after a minus sign the other way round."""
    filter: str | None = None
    """The table's filter, as typed after `/`."""
    kernelspec: str = ""
    """The kernelspec that the start dialog offers first."""
    transport: Transport = "auto"
    """Transport of kernels that are started here; auto is ipc if the kernel supports it."""
    stack_signal: str = STACK_SIGNAL
    """The signal at which Python kernels started here write their stacks; or "off"."""
    launcher: LaunchMode = "template"
    """Whether Python kernels are forked from a process that has imported what they need."""
    preload: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By kernelspec, further modules that this process imports; they must start no thread."""
    notifications: Notifications = "off"
    """How the terminal tells that a kernel died, or that a long run ended."""
    notify_after: float = 30.0
    """Seconds after which a run counts as long."""
    keys: Keymap = field(default_factory=dict)
    """Keys by action id; no two clash."""
    unconfirmed: frozenset[str] = frozenset()
    """Verbs of ASKED that act without a question."""
    limits: Limits = Limits()
    """How much of the kernels' output is kept."""
    engines: EngineSettings = EngineSettings()
    """The Jupyter servers and the other hosts that can be chosen by name."""
