"""The main screen: the kernels, the selected one's output and its console.

Shows what the fleet publishes and passes keys on as orders. No state is ever shown
because a key was pressed: the next snapshot tells what really happened.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from kerneltui.errors import KernelError
from kerneltui.protocol.status import KernelState
from kerneltui.tui import questions
from kerneltui.tui.actions import BY_COMMAND, DoublePress, Scope, bindings, refusal
from kerneltui.tui.screens.confirm import ConfirmScreen, Question
from kerneltui.tui.screens.signal import SignalScreen
from kerneltui.tui.screens.start import StartRequest, StartScreen
from kerneltui.tui.widgets.console import Console
from kerneltui.tui.widgets.details import Details
from kerneltui.tui.widgets.kernel_table import KernelTable
from kerneltui.tui.widgets.key_line import KeyLine
from kerneltui.tui.widgets.output_view import OutputView
from kerneltui.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kerneltui.fleet.fleet import Fleet
    from kerneltui.fleet.snapshot import KernelSnapshot, Target

TICK = 0.2  # seconds between two looks at what the fleet has published
REPAINT = 1.0  # seconds after which ages are shown anew though nothing was published

_EMPTY = "No kernels. Press s to start one."
_ZOOMS = ("-zoom-table", "-zoom-output")


class MainScreen(Screen[None]):
    """Everything but the dialogs."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("kernel.", "focus.", "view.")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: the one that the snapshots' instants are of."""
        super().__init__()
        self._clock = clock
        self._fleet: Fleet | None = None
        self._languages: dict[str, str] = {}
        self._snapshots: tuple[KernelSnapshot, ...] = ()
        self._shown_at = float("-inf")
        self._interrupting = DoublePress()
        self._last_signal = int(signal.SIGTERM)
        self._usual = StartRequest("python3", str(Path.cwd()), "")
        self._offered: object = None

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield KernelTable(_EMPTY)
        yield Static(id="advice", markup=False)
        yield Details()
        yield OutputView()
        yield Console()
        yield KeyLine()

    def on_mount(self) -> None:
        self._status = self.query_one(StatusLine)
        self._table = self.query_one(KernelTable)
        self._details = self.query_one(Details)
        self._output = self.query_one(OutputView)
        self._code = self.query_one(Console)
        self.query_one("#advice").display = False
        self._table.focus()
        self.set_interval(TICK, self.tick)

    # -- what is shown -----------------------------------------------------------------

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """The kernels on the screen."""
        return self._snapshots

    @property
    def selected(self) -> KernelSnapshot | None:
        wanted = self._table.cursor_id
        return next((shown for shown in self._snapshots if shown.kernel_id == wanted), None)

    def attach(self, fleet: Fleet) -> None:
        """Show `fleet` from now on."""
        self._fleet = fleet
        self._code.attach(fleet.console)
        self.run_worker(self._look_for_specs(fleet), group="specs", exit_on_error=False)
        self.tick()

    def tick(self) -> None:
        """Show what has been published since the last time."""
        if self._fleet is None:
            return
        now, snapshots = self._clock(), self._fleet.snapshots
        if snapshots is not self._snapshots or now - self._shown_at >= REPAINT:
            self._show(snapshots, now)
        self._status.show(snapshots, self._hint(now))
        self._output.pull()
        self._code.pull()
        for notice in self._fleet.take_notices():
            self.notify(notice.text, severity=notice.severity, markup=False)

    def _show(self, snapshots: tuple[KernelSnapshot, ...], now: float) -> None:
        self._snapshots, self._shown_at = snapshots, now
        self._table.show(snapshots, now)
        self._show_selected()

    @on(KernelTable.Selected)
    def _show_selected(self) -> None:
        snapshot = self.selected
        self._details.show(snapshot, self._clock())
        kernel_id = snapshot.kernel_id if snapshot else ""
        transcript = self._fleet.transcript(kernel_id) if self._fleet else None
        self._output.show(transcript, snapshot.name if snapshot else "")
        self._code.show(snapshot, self._languages.get(snapshot.kernel_name, "") if snapshot else "")
        offered = (snapshot.allowed if snapshot else None, bool(self._snapshots))
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def _hint(self, now: float) -> str:
        target = self._interrupting.armed(now)
        return f"press i again to interrupt {target.name}" if target else ""

    async def _look_for_specs(self, fleet: Fleet) -> None:
        """Learn the kernelspecs' languages; where there is none, say what to install."""
        specs = await asyncio.to_thread(fleet.kernel_specs)
        self._languages = {spec.name: spec.language for spec in specs}
        if not specs:
            folders = await asyncio.to_thread(_searched_folders)
            self.query_one("#advice", Static).update(questions.nothing_to_start(folders))
        self.query_one("#advice").display = not specs
        self._show_selected()

    # -- what may be done ----------------------------------------------------------------

    def _refusal(self, command: str) -> str:
        """Return why the action cannot be done now; empty when it can."""
        action = BY_COMMAND.get(command)
        if action is None:
            return ""
        if self._fleet is None and action.scope is Scope.TABLE:
            return "the kernels are not known yet"
        if action.id == "kernel.shutdown_all" and not self._snapshots:
            return "there is no kernel to shut down"
        return refusal(action, self.selected)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 -- Textual's
        """Grey what the selected kernel does not allow now."""
        return None if self.is_mounted and self._refusal(action) else True

    def on_key(self, event: events.Key) -> None:
        """Say why a greyed key does nothing."""
        active = self.active_bindings.get(event.key)
        if active is not None and not active.enabled:
            event.stop()
            self.say_why_not(active.binding.action)

    def say_why_not(self, command: str) -> None:
        self.notify(self._refusal(command), severity="warning", markup=False)

    def _aim(self) -> tuple[Fleet, Target] | None:
        """Freeze what a key is about: the kernel under the cursor, as this very process."""
        snapshot = self.selected
        return (self._fleet, snapshot.target) if self._fleet and snapshot else None

    def _order(self, group: str, verb: Callable[[], str]) -> None:
        """Have a short thread call `verb`; its words become a toast."""
        self.run_worker(self._carry_out(verb), group=group, exit_on_error=False)

    async def _carry_out(self, verb: Callable[[], str]) -> None:
        if said := await self._call(verb):
            self.notify(said, markup=False)

    async def _call(self, verb: Callable[[], str]) -> str:
        """Return what `verb` returns, called in a thread; empty after an error, which is shown."""
        try:
            return await asyncio.to_thread(verb)
        except KernelError as error:
            self.notify(str(error), severity="error", markup=False)
            return ""
        finally:
            self.tick()

    def _ask(
        self,
        question: Question,
        group: str,
        verb: Callable[[], str],
        more: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """Order `verb` once the user has said yes; at once where nothing can be lost."""
        if self.selected and self.selected.state is KernelState.DEAD:
            self._order(group, verb)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._order(group, verb)

        self.app.push_screen(ConfirmScreen(question, more), answered)

    # -- orders --------------------------------------------------------------------------

    def action_kernel_start(self) -> None:
        if self._fleet is None:
            return
        fleet = self._fleet

        def answered(request: StartRequest | None) -> None:
            if request is not None:
                self.run_worker(self._start(fleet, request), group="start", exit_on_error=False)

        self.app.push_screen(StartScreen(fleet.kernel_specs, self._usual), answered)

    async def _start(self, fleet: Fleet, request: StartRequest) -> None:
        self._usual = request
        start = partial(fleet.start, request.kernel_name, cwd=request.cwd, name=request.name)
        if kernel_id := await self._call(start):
            self._table.cursor_id = kernel_id

    def action_kernel_interrupt(self) -> None:
        if aim := self._aim():
            fleet, target = aim
            if self._interrupting.press(target, self._clock()):
                self._order(target.kernel_id, partial(fleet.interrupt, target))
            self.tick()

    @on(Console.InterruptAsked)
    def interrupt_at_once(self) -> None:
        if reason := self._refusal("kernel_interrupt"):
            self.notify(reason, severity="warning", markup=False)
        elif aim := self._aim():
            fleet, target = aim
            self._order(target.kernel_id, partial(fleet.interrupt, target))

    def action_kernel_signal(self) -> None:
        if aim := self._aim():
            fleet, target = aim

            def answered(signum: int | None) -> None:
                if signum is not None:
                    self._last_signal = signum
                    self._order(target.kernel_id, partial(fleet.signal, target, signum))

            self.app.push_screen(
                SignalScreen(questions.describe(target), self._last_signal), answered
            )

    def action_kernel_restart(self) -> None:
        if aim := self._aim():
            fleet, target = aim
            verb = partial(fleet.restart, target)
            self._ask(questions.restart(target), target.kernel_id, verb)

    def action_kernel_restart_now(self) -> None:
        if aim := self._aim():
            fleet, target = aim
            verb = partial(fleet.restart, target, now=True)
            self._ask(questions.restart_now(target), target.kernel_id, verb)

    def action_kernel_shutdown(self) -> None:
        if aim := self._aim():
            fleet, target = aim
            verb = partial(fleet.shutdown, target)
            self._ask(questions.shutdown(target), target.kernel_id, verb)

    def action_kernel_kill(self) -> None:
        if aim := self._aim():
            fleet, target = aim
            verb = partial(fleet.kill, target)
            self._ask(
                questions.kill(target), target.kernel_id, verb, partial(fleet.escaped, target)
            )

    def action_kernel_shutdown_all(self) -> None:
        if self._fleet is None:
            return
        fleet, targets = self._fleet, [shown.target for shown in self._snapshots]

        def answered(yes: bool | None) -> None:
            if not yes:
                return
            if [shown.target for shown in fleet.snapshots] != targets:
                self.notify("the kernels have changed; look again", severity="warning")
                return
            self._order("all", fleet.shutdown_all)

        self.app.push_screen(ConfirmScreen(questions.shutdown_all(targets)), answered)

    # -- focus and zoom ------------------------------------------------------------------

    @on(Console.Left)
    def action_focus_table(self) -> None:
        self.remove_class(*_ZOOMS)
        self._table.focus()

    def action_focus_output(self) -> None:
        self.remove_class("-zoom-table")
        self._output.focus()

    def action_focus_console(self) -> None:
        self.remove_class(*_ZOOMS)
        self._code.enter()

    def action_view_zoom(self) -> None:
        if any(self.has_class(zoom) for zoom in _ZOOMS):
            self.remove_class(*_ZOOMS)
        else:
            self.add_class("-zoom-output" if self._output.has_focus else "-zoom-table")


def _searched_folders() -> tuple[str, ...]:
    """Return where kernelspecs are looked for."""
    from jupyter_core.paths import jupyter_path  # slow, and needed but once

    return tuple(jupyter_path("kernels"))
