"""The keys of the tabs, for the screen that has the panes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerneltui.tui.widgets.tab_bar import Tab

if TYPE_CHECKING:
    from kerneltui.tui.main.panes import Panes


class TabActions:
    """Mixed into a screen; named after the registry's ids."""

    @property
    def _panes(self) -> Panes:
        raise NotImplementedError

    def action_tab_output(self) -> None:
        self._panes.pick(Tab.OUTPUT)

    def action_tab_messages(self) -> None:
        self._panes.pick(Tab.MESSAGES)

    def action_tab_info(self) -> None:
        self._panes.pick(Tab.INFO)

    def action_tab_processes(self) -> None:
        self._panes.pick(Tab.PROCESSES)

    def action_tab_log(self) -> None:
        self._panes.pick(Tab.LOG)

    def action_tab_previous(self) -> None:
        self._panes.step(-1)

    def action_tab_next(self) -> None:
        self._panes.step(1)
