"""Alerts: which events are worth a bell or a desktop notification, and their escape codes.

Rule: pure. Text for the terminal is cleaned of control characters first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kerneltui import formats
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line
from kerneltui.tui.terminal.multiplexer import passed_on

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.config.config import Notifications

WIDTH = 120  # characters: desktops do not show more
BELL = "\a"


class Alerts:
    """Remembers since when kernels run, and which are alive."""

    def __init__(self, long_run: float) -> None:
        """`long_run`: seconds after which the end of a run is worth telling."""
        self._long_run = long_run
        self._busy_since: dict[str, float] = {}
        self._alive: frozenset[str] = frozenset()

    def look(self, kernels: Sequence[KernelSnapshot], now: float) -> list[str]:
        """Return what has happened since the last look, a sentence each."""
        told = [
            kernel.death.news(kernel.name)
            for kernel in kernels
            if kernel.state is KernelState.DEAD and kernel.kernel_id in self._alive
            if kernel.death is not None and not kernel.death.is_ours
        ]
        for kernel in kernels:
            since = self._busy_since.get(kernel.kernel_id, now)
            if kernel.state is KernelState.IDLE and now - since >= self._long_run:
                told.append(f"{kernel.name} is idle after {formats.duration(now - since)}")
        self._alive = frozenset(
            kernel.kernel_id
            for kernel in kernels
            if kernel.state is not KernelState.DEAD or kernel.death is None  # not told yet
        )
        self._busy_since = {
            kernel.kernel_id: self._busy_since.get(kernel.kernel_id, now)
            for kernel in kernels
            if kernel.state is KernelState.BUSY
        }
        return told


def sequence(way: Notifications, text: str, environment: Mapping[str, str]) -> str:
    """Return what to write to the terminal to tell `text` in this way; empty if off."""
    text = clean_line(text, WIDTH).replace(";", ",")  # a semicolon would begin another field
    match way:
        case "bell":
            return BELL
        case "osc9":
            return passed_on(f"\x1b]9;{text}\a", environment)
        case "osc777":
            return passed_on(f"\x1b]777;notify;kerneltui;{text}\a", environment)
        case _:
            return ""
