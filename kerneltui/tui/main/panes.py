"""Panes: the tabs of the selected kernel. Only the visible one is kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from textual import getters, on
from textual.containers import Vertical

from kerneltui.errors import KernelError
from kerneltui.tui.details.info_view import InfoView
from kerneltui.tui.details.process_view import ProcessView
from kerneltui.tui.main.absences import absence
from kerneltui.tui.messages.message_screen import MessageScreen
from kerneltui.tui.messages.message_view import MessageView
from kerneltui.tui.output.actions import OutputVerbs
from kerneltui.tui.output.log_view import LogView
from kerneltui.tui.output.output_view import OutputView
from kerneltui.tui.stack.look import look_at_frame, look_into
from kerneltui.tui.stack.names_screen import NamesScreen
from kerneltui.tui.stack.rows import FrameRow
from kerneltui.tui.stack.stack_view import StackView
from kerneltui.tui.terminal.base_app import BaseApp
from kerneltui.tui.terminal.workers import begin
from kerneltui.tui.widgets.absence_pane import AbsencePane
from kerneltui.tui.widgets.late import Late
from kerneltui.tui.widgets.pane import Pane
from kerneltui.tui.widgets.tab_bar import Tab, neighbour

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet

T = TypeVar("T")

PERIOD = 1.0  # seconds between two lookups of what the fleet does not publish


class Panes(Vertical):
    """One pane at a time, of one kernel."""

    app = getters.app(BaseApp)

    def __init__(self, clock: Callable[[], float], connect_key: str) -> None:
        """`connect_key`: the key that connects to a kernel, as people write it."""
        super().__init__()
        self.active = Tab.OUTPUT
        self._clock = clock
        self._connect_key = connect_key
        self._fleet: DashboardFleet | None = None
        self._kernel: KernelSnapshot | None = None
        self._looking = False
        self._due = 0.0
        self._output = Late(OutputView, self.mount)
        self._messages = Late(partial(MessageView, clock), self.mount)
        self._info = Late(InfoView, self.mount)
        self._processes = Late(ProcessView, self.mount)
        self._log = Late(LogView, self.mount)
        self._stack = Late(partial(StackView, clock), self.mount)
        self._panes: dict[Tab, Late[Pane]] = {
            Tab.OUTPUT: self._output,
            Tab.MESSAGES: self._messages,
            Tab.INFO: self._info,
            Tab.PROCESSES: self._processes,
            Tab.LOG: self._log,
            Tab.STACK: self._stack,
        }
        self._absence = Late(AbsencePane, self.mount)
        self._raised: Pane | None = None

    def on_mount(self) -> None:
        self._raise_pane()

    @property
    def pane(self) -> Pane:
        """The visible pane."""
        return self._absence.widget if self._reason else self._panes[self.active].widget

    @property
    def _reason(self) -> str:
        """Why the tab has nothing to show of this kernel; "" if it has."""
        return absence(self.active, self._kernel, self._connect_key)

    @property
    def _kernel_id(self) -> str:
        return self._kernel.kernel_id if self._kernel else ""

    # -- which tab ----------------------------------------------------------------------

    def pick(self, tab: Tab) -> None:
        """Show a tab; it gets the focus if the tab before had it."""
        self.active = tab
        self._raise_pane()
        self._feed()
        self._due = self._clock()
        self.pull()

    def _raise_pane(self) -> None:
        """Show the pane that is to be visible; it gets the focus if the one before had it."""
        pane = self.pane
        if pane is self._raised:
            return
        self._raised = pane
        had_focus = self.has_focus_within
        for each in (*self._panes.values(), self._absence):
            each.hide()
        pane.display = True
        if had_focus:
            pane.focus()

    def on_descendant_focus(self) -> None:
        if not self.pane.has_focus_within:  # the terminal has the focus again; see ConsolePane
            self.screen.set_focus(self.pane)

    def step(self, steps: int) -> None:
        self.pick(neighbour(self.active, steps))

    @on(Pane.TabPicked)
    def _pick_clicked(self, event: Pane.TabPicked) -> None:
        self.pick(event.tab)

    # -- what is shown ------------------------------------------------------------------

    def show(self, fleet: DashboardFleet | None, kernel: KernelSnapshot | None) -> None:
        """Show `kernel` as it is now; nothing for None."""
        before = self._kernel_id
        self._kernel, self._fleet = kernel, fleet
        if before != self._kernel_id:
            self._forget_what_was_found()
            self._due = self._clock()
        self._raise_pane()
        self._feed()

    def _forget_what_was_found(self) -> None:
        if info := self._info.made:
            info.show(None)
        if processes := self._processes.made:
            processes.forget()
        if log := self._log.made:
            log.show(None)
        if stack := self._stack.made:
            stack.forget()

    def pull(self) -> None:
        """Bring the visible pane up to date; called at a fixed rate."""
        now = self._clock()
        if self._due <= now and not self._looking:
            self._due = now + self._period
            self._look_up()
        self.pane.pull()

    @property
    def _period(self) -> float:
        """Seconds between two lookups for the visible tab."""
        if self._reason:
            return PERIOD
        if self.active is Tab.STACK:
            return self._stack.widget.period
        return self._processes.widget.period if self.active is Tab.PROCESSES else PERIOD

    def _feed(self) -> None:
        """Give the visible pane what the fleet publishes about the kernel."""
        fleet, kernel_id = self._fleet, self._kernel_id
        self.pane.kernel_name = self._kernel.name if self._kernel else ""
        if reason := self._reason:
            self._absence.widget.show(self.active, reason)
        elif self.active is Tab.OUTPUT:
            output = self._output.widget
            output.show(fleet.transcript(kernel_id) if fleet else None)
            kernel = self._kernel
            output.folder = kernel.working_folder if kernel and not kernel.engine else ""
        elif self.active is Tab.MESSAGES:
            self._messages.widget.show(fleet.message_log(kernel_id) if fleet else None)

    @on(OutputVerbs.MarkAsked)
    def _mark(self) -> None:
        if self._fleet is not None and self._kernel_id:
            self._fleet.mark(self._kernel_id)

    @on(ProcessView.FilesAsked)
    @on(StackView.LookAsked)
    def _look_at_once(self) -> None:
        self._due = self._clock()
        self.pull()

    @on(MessageView.Opened)
    def _open_message(self, event: MessageView.Opened) -> None:
        self.app.push_screen(MessageScreen(event.record, event.client))

    # -- lookups ------------------------------------------------------------------------

    def _look_up(self) -> None:
        """Look up, in a thread, what the visible tab shows, if the fleet does not publish it."""
        fleet, kernel = self._fleet, self._kernel
        if fleet is None or kernel is None or self._reason:
            return
        kernel_id = kernel.kernel_id
        if self.active is Tab.INFO:
            show = partial(self._info.widget.show, host=kernel.engine)
            self._ask(partial(fleet.info, kernel_id), show)
        elif self.active is Tab.PROCESSES:
            view = self._processes.widget
            look = partial(fleet.processes, kernel_id, view.opened)
            self._ask(look, partial(view.show, usage=kernel.usage))
        elif self.active is Tab.LOG:
            self._ask(partial(fleet.log, kernel_id), self._log.widget.show)
        elif self.active is Tab.STACK:
            stack = self._stack.widget
            question = partial(look_into, fleet, kernel_id, variables=stack.wants_variables)
            self._ask(question, stack.show)

    @on(StackView.FrameOpened)
    def _open_frame(self, event: StackView.FrameOpened) -> None:
        if self._fleet is not None:
            since = self.app.inputs
            begin(self, partial(self._show_names, self._fleet, self._kernel_id, event.row, since))

    async def _show_names(
        self, fleet: DashboardFleet, kernel_id: str, row: FrameRow, since: int
    ) -> None:
        look = partial(look_at_frame, fleet, kernel_id, row.thread, row.depth, row.frame)
        found = await asyncio.to_thread(look)
        if kernel_id == self._kernel_id:
            told = f"the names of {row.frame.function} were found; open them again to read them"
            self.app.push_late(
                NamesScreen(row.frame, found), since=since, otherwise=partial(self.notify, told)
            )

    def _ask(self, question: Callable[[], T], show: Callable[[T], None]) -> None:
        self._looking = True
        answer = partial(self._answer, question, show, self._kernel_id)
        begin(self, answer, group="look")

    async def _answer(
        self, question: Callable[[], T], show: Callable[[T], None], kernel_id: str
    ) -> None:
        try:
            found = await asyncio.to_thread(question)
        except KernelError:  # the kernel was dismissed meanwhile
            return
        finally:
            self._looking = False
        if kernel_id == self._kernel_id:
            show(found)
        if self._due <= self._clock():  # another lookup was asked for meanwhile
            self.pull()
