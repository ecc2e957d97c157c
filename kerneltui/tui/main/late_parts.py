"""LateParts: the panes and the console, made after the table is on the screen.

One that is needed earlier is made then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.screen import Screen

from kerneltui.tui.main.message_line import MessageLine
from kerneltui.tui.widgets.late import Late

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.console.console import ConsolePane
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet
    from kerneltui.tui.main.panes import Panes


class LateParts:
    """The panes and the console of the main screen; both show the selected kernel."""

    def __init__(self, screen: Screen[None], clock: Callable[[], float], connect_key: str) -> None:
        """`connect_key`: the key that connects to a kernel, as people write it."""
        self._screen = screen
        self._clock = clock
        self._connect_key = connect_key
        self._fleet: DashboardFleet | None = None
        self._kernel: KernelSnapshot | None = None
        self._language = ""
        self._panes = Late(self._make_panes, self._place_panes)
        self._console = Late(_make_console, self._place_console)

    @property
    def panes(self) -> Panes:
        return self._panes.widget

    @property
    def console(self) -> ConsolePane:
        return self._console.widget

    @property
    def has_focus_in_panes(self) -> bool:
        return self._panes.made is not None and self._panes.made.has_focus_within

    @property
    def kernel_written_to(self) -> str:
        """The id of the kernel in whose console the user is; "" for none."""
        console = self._console.made
        return console.kernel_id if console is not None and console.is_written_to else ""

    def make(self) -> None:
        """Make both, unless they are made already."""
        self._panes.make()
        self._console.make()

    def attach(self, fleet: DashboardFleet) -> None:
        """Show the kernels of `fleet` from now on."""
        self._fleet = fleet
        if console := self._console.made:
            console.attach(fleet.console)

    def show(self, kernel: KernelSnapshot | None, language: str) -> None:
        """Show the selected kernel. `language`: of its code; "" if unknown."""
        self._kernel, self._language = kernel, language
        if panes := self._panes.made:
            panes.show(self._fleet, kernel)
        if console := self._console.made:
            console.show(kernel, language)

    def note_focus(self) -> None:
        """Note whether the console got the focus, or another part."""
        if console := self._console.made:
            console.note_focus()

    def pull_panes(self) -> None:
        """Bring the panes up to date."""
        if panes := self._panes.made:
            panes.pull()

    def pull_console(self, now: Sequence[KernelSnapshot]) -> None:
        """Bring the console up to date with all kernels as they are `now`, paused or not."""
        if console := self._console.made:
            shown = self._kernel.kernel_id if self._kernel is not None else ""
            for kernel in now:
                if kernel.kernel_id == shown:
                    console.show(kernel, self._language)
            console.pull()

    def _make_panes(self) -> Panes:
        from kerneltui.tui.main.panes import Panes

        return Panes(self._clock, self._connect_key)

    def _place_panes(self, panes: Panes) -> None:
        self._screen.query_one("#kernels-and-panes").mount(panes)
        panes.show(self._fleet, self._kernel)

    def _place_console(self, console: ConsolePane) -> None:
        self._screen.mount(console, before=self._screen.query_one(MessageLine))
        console.fill()
        if self._fleet is not None:
            console.attach(self._fleet.console)
        console.show(self._kernel, self._language)


def _make_console() -> ConsolePane:
    from kerneltui.tui.console.console import ConsolePane

    return ConsolePane()
