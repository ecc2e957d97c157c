"""KernelScreen: the methods of the main screen that the action classes use."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet
    from kerneltui.tui.terminal.base_app import BaseApp

Commands = dict[str, Callable[[], object]]
"""The function of each action, by the action's id."""


class KernelScreen(Protocol):
    """The main screen, or a test's."""

    @property
    def fleet(self) -> DashboardFleet | None:
        """None until it is open."""

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """All kernels as they are now, though the display may be paused."""

    @property
    def selected(self) -> KernelSnapshot | None:
        """The kernel under the cursor, as it is now."""

    @property
    def marked(self) -> tuple[KernelSnapshot, ...]:
        """The marked kernels as they are now, those that the filter hides included."""

    @property
    def locked(self) -> bool:
        """Nothing may be asked of any kernel."""

    @property
    def awaited(self) -> str:
        """The machine that is connected to for the kernel to attach to; "" for none."""

    @property
    def app(self) -> BaseApp: ...

    def tick(self) -> None:
        """Show what has been published since the last time."""

    def push(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        """Show a dialog; `answered` gets what it is dismissed with."""

    def begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` in a worker."""

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """Show a toast; no markup is read in it."""
