"""The main screen: the kernels, the selected one's output and its console.

Shows what the fleet publishes and passes keys on as orders. No state is ever shown
because a key was pressed: the next snapshot tells what really happened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, getters, on
from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widgets import Static

from kerneltui.fleet.model.engine_names import engine_of
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.details.summary import Details
from kerneltui.tui.keys.action import SCREENS, Action, Scope, command_of
from kerneltui.tui.keys.actions import ACTIONS, BY_COMMAND
from kerneltui.tui.keys.bindings import bindings
from kerneltui.tui.keys.keymap import key_of
from kerneltui.tui.keys.ways_out import ways_out
from kerneltui.tui.main.alerts import Alerts, sequence
from kerneltui.tui.main.app_actions import AppActions
from kerneltui.tui.main.bulk_progress import BulkProgress
from kerneltui.tui.main.engine_actions import EngineActions
from kerneltui.tui.main.kernel_actions import KernelActions
from kerneltui.tui.main.kernel_screen import Commands
from kerneltui.tui.main.late_parts import LateParts
from kerneltui.tui.main.message_line import MessageLine
from kerneltui.tui.main.permissions import awaits_fleet, why_not_now
from kerneltui.tui.main.refresh_rate import RefreshRate
from kerneltui.tui.main.start_actions import StartActions
from kerneltui.tui.main.view_actions import ZOOMS, ViewActions
from kerneltui.tui.stack.auto_look import AutoLook, look_unasked
from kerneltui.tui.table.columns import ColumnIds
from kerneltui.tui.table.filter_input import FilterInput
from kerneltui.tui.table.kernel_table import KernelTable
from kerneltui.tui.table.view import TableView
from kerneltui.tui.terminal.base_app import BaseApp
from kerneltui.tui.terminal.workers import begin
from kerneltui.tui.widgets.key_line import KeyLine
from kerneltui.tui.widgets.status_line import StatusLine
from kerneltui.tui.widgets.tab_bar import Tab

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.console.to_screen import InterruptAsked
    from kerneltui.tui.details.process_view import ProcessView
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet

_PACKAGE = Path(__file__).parents[2]
STYLES = next(p for p in (_PACKAGE / "styles", _PACKAGE.parent / "styles") if p.is_dir())

TICK = 0.2  # seconds between two looks at what the fleet has published
REPAINT = 1.0  # seconds after which ages are painted again, even if nothing was published

ALERT_EVERY = 1.0  # seconds between two looks for alerts

_LOOKING = "Looking for kernels…"


class MainScreen(Screen[None]):
    """Everything except the dialogs. It brings the styles of the dialogs as well."""

    app = getters.app(BaseApp)
    CSS_PATH: ClassVar[list[str | PurePath]] = [STYLES / "app.tcss", STYLES / "widgets.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = bindings(*SCREENS)

    def __init__(self, clock: Callable[[], float], settings: RunSettings) -> None:
        """`clock`: the clock of the snapshots' instants."""
        super().__init__()
        config = settings.config
        self.refresh_rate = RefreshRate(config.refresh)
        self.kernel_actions = KernelActions(self, clock, config.unconfirmed)
        self._app_actions = AppActions(self, config, clock)
        self._engines = EngineActions(self, clock, key_of("app.connect", config.keys))
        self._view = ViewActions(  # first: now there is nothing to style again
            self,
            self.refresh_rate,
            settings.session_state.split,
            look=self.look,
            attend=self.attend,
            in_output=lambda: self._late.has_focus_in_panes,
        )
        self._clock = clock
        self._settings = settings
        self._fleet: DashboardFleet | None = None
        self._progress = BulkProgress()
        self._auto_look = AutoLook()
        self._alerts = Alerts(settings.config.notify_after)
        self._snapshots: tuple[KernelSnapshot, ...] = ()
        """The kernels on the display, which may be paused."""
        self._awaited = ""
        """The id of the kernel whose console opens once the kernel is found; "" for none."""
        self._shown_at = float("-inf")
        self._starts = StartActions(
            self, settings.kernelspec, start=self._begin_start, advise=self._advise
        )
        self._offered: object = None
        self._late = LateParts(self, clock, self.key_of("kernel.connect"))

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with Container(id="kernels-and-panes"), Vertical(id="kernels"):
            yield KernelTable(_LOOKING, f"{self.key_of('focus.table')} shows all.")
            yield FilterInput()
            yield Static(id="advice", markup=False)
            yield Details()
        yield MessageLine(self.key_of("app.notices"))
        yield KeyLine()

    def on_mount(self) -> None:
        self._status = self.query_one(StatusLine)
        self._table = self.query_one(KernelTable)
        self._filter = self.query_one(FilterInput)
        self._details = self.query_one(Details)
        self._message = self.query_one(MessageLine)
        self._key_line = self.query_one(KeyLine)
        self.query_one("#advice").display = False
        self._table.view = TableView.from_state(self._settings.table)
        self._table.focus()
        self.set_interval(TICK, self._beat)
        if self._settings.config.notifications != "off":
            self.set_interval(ALERT_EVERY, self.alert)

    @property
    def _commands(self) -> Commands:
        """The function of each action of the whole screen, by the action's id."""
        return {
            **self.kernel_actions.commands,
            **self._starts.commands,
            **self._app_actions.commands,
            **self._engines.commands,
            **self._view.commands,
            **{f"tab.{tab.name.lower()}": partial(self._pick_tab, tab) for tab in Tab},
            "tab.previous": partial(self._step_tab, -1),
            "tab.next": partial(self._step_tab, 1),
            "focus.table": self.focus_table,
            "focus.output": partial(self._pick_tab, Tab.OUTPUT),
            "focus.console": self.focus_console,
        }

    def key_of(self, action_id: str) -> str:
        """Return an action's key as people write it, with the user's own keys."""
        return key_of(action_id, self._settings.config.keys)

    def complete(self) -> None:
        """Make the parts for which the table did not wait, and prepare for a start."""
        self._late.make()
        self._starts.prepare()

    # -- what is shown -----------------------------------------------------------------

    @property
    def fleet(self) -> DashboardFleet | None:
        return self._fleet

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        return self._fleet.snapshots if self._fleet is not None else ()

    @property
    def locked(self) -> bool:
        return self._fleet is not None and self._fleet.locked

    @property
    def awaited(self) -> str:
        return self._engines.connecting(engine_of(self._awaited))

    @property
    def split(self) -> int:
        """Percent of the screen that the table may take."""
        return self._view.split

    @property
    def started_kernelspec(self) -> str:
        """The kernelspec that was started last, here or in the session before."""
        return self._starts.last or self._settings.session_state.kernelspec

    @property
    def table(self) -> KernelTable:
        return self._table

    @property
    def selected(self) -> KernelSnapshot | None:
        shown = self._table.selected
        return self._as_now((shown,))[0] if shown is not None else None

    @property
    def marked(self) -> tuple[KernelSnapshot, ...]:
        return self._as_now(self._table.marked)

    def _as_now(self, shown: tuple[KernelSnapshot, ...]) -> tuple[KernelSnapshot, ...]:
        """Return what is known now of kernels on the display, which may be paused.

        One that has gone or ended, or was restarted, stays as it was shown: the fleet refuses it.
        """
        if not shown or self.snapshots is self._snapshots:
            return shown
        now = {each.kernel_id: each for each in self.snapshots}
        return tuple(_if_same(now.get(each.kernel_id), each) for each in shown)

    def attach(self, fleet: DashboardFleet) -> None:
        """Show `fleet` from now on."""
        self._fleet = fleet
        self._table.explain_emptiness(
            f"No kernels. Press {self.key_of('kernel.start')} to start one."
        )
        self._late.attach(fleet)
        look = partial(self._starts.look_for_specs, fleet)
        begin(self, look, group="specs")
        self._awaited = self._settings.attached
        self.tick()

    def _beat(self) -> None:
        self.refresh_rate.watched = self.app.app_focus
        if self.refresh_rate.is_due(self._clock()):
            self.look()
        else:
            self.attend()

    def tick(self) -> None:
        """Show what has been published since the last time, unless paused."""
        if self.refresh_rate.paused:
            self.attend()
        else:
            self.look()

    def look(self) -> None:
        if self._fleet is None:
            return
        now, snapshots = self._clock(), self._fleet.snapshots
        if snapshots is not self._snapshots or now - self._shown_at >= REPAINT:
            self._show(snapshots, now)
        self._late.pull_panes()
        self.attend()

    def attend(self) -> None:
        self._message.pull(self.app.notices, self._clock())
        if self._fleet is None:
            return
        if self._engines.follow(self._fleet):
            begin(self, partial(self._starts.look_for_specs, self._fleet), group="specs")
        self._status.show(
            self._snapshots,
            self._hint(),
            notes=self._notes(),
            host=self._fleet.host,
            engines=self._engines.shown,
        )
        self._late.pull_console(self.snapshots)
        for notice in self._fleet.take_notices():
            self.notify(notice.text, severity=notice.severity, markup=False)
            self._fleet.note_told(notice)

    def alert(self) -> None:
        """Alert the user, who may look elsewhere, to what has happened; paused or not."""
        kernels = self._fleet.snapshots if self._fleet else ()
        for told in self._alerts.look(kernels, self._clock()):
            self.app.write_raw(sequence(self._settings.config.notifications, told, os.environ))

    def _show(self, snapshots: tuple[KernelSnapshot, ...], now: float) -> None:
        self._snapshots, self._shown_at = snapshots, now
        self._table.show(snapshots, now)
        if self._awaited and any(each.kernel_id == self._awaited for each in snapshots):
            awaited, self._awaited = self._awaited, ""
            is_free = self.app.screen is self and self.focused in (None, self._table)
            if self._table.go_to(awaited) and is_free:
                self.focus_console()
            else:  # what is typed now is meant for something else
                key = self.key_of("focus.console")
                self.say(f"the kernel to attach to is found; {key} in the table opens its console")
        self._show_selected()

    @on(KernelTable.Selected)
    def _show_selected(self) -> None:
        snapshot = self._table.selected
        self._details.show(snapshot, self._clock(), self._engines.link_of(snapshot))
        if self._fleet is not None:
            self._fleet.detailed = snapshot.kernel_id if snapshot is not None else ""
        self._late.show(snapshot, self._language)
        self._keep_written_to()
        self._show_offers()
        self._look_where_it_hangs(snapshot)

    def _look_where_it_hangs(self, kernel: KernelSnapshot | None) -> None:
        if kernel is None or self._fleet is None or self.locked:
            return
        if self._auto_look.is_due(kernel):
            begin(self, partial(look_unasked, self._fleet, kernel.kernel_id), group="stand")

    @property
    def _language(self) -> str:
        """The language of the selected kernel's code; empty if it is not known."""
        shown = self._table.selected
        return self._starts.language_of(shown.kernel_name) if shown else ""

    @on(KernelTable.ViewChanged)
    def _show_view(self) -> None:
        self._show_offers()
        self.tick()

    @on(KernelTable.OpenAsked)
    def _open_output(self) -> None:
        self._view.enter_output()
        self._pick_tab(Tab.OUTPUT)

    @on(KernelTable.FilterAsked)
    def _open_filter(self) -> None:
        self._filter.open(self._table.view)

    @on(FilterInput.Changed)
    def _show_filtered(self) -> None:
        self._table.view_changed()

    @on(FilterInput.Left)
    def _close_filter(self) -> None:
        self._filter.close()
        self._table.focus()

    @on(KernelTable.ColumnsAsked)
    def _choose_columns(self) -> None:
        from kerneltui.tui.dialogs.columns import ColumnsScreen

        def answered(ids: ColumnIds | None) -> None:
            if ids is not None:
                self._table.choose_columns(ids)

        self.app.push_screen(ColumnsScreen(self._table.view.columns), answered)

    def _show_offers(self) -> None:
        """Paint the keys again if other keys can be used now."""
        ways = () if self.marked else ways_out(self.selected)
        offered = (
            ways,
            self.selected and self.selected.allowed,
            {verb for kernel in self.marked for verb in kernel.allowed},
            any(kernel.is_ours and kernel.is_heard for kernel in self._snapshots),
            self.locked,
        )
        if offered != self._offered:
            self._offered, self._key_line.ways_out = offered, ways
            self.refresh_bindings()

    def _notes(self) -> tuple[str, ...]:
        """Return remarks on what is unusual: read-only, slow, filtered, orders pending."""
        told = (
            "RO" if self.locked else "",
            self.refresh_rate.shown,
            *self._table.view.notes(self._table.rows, len(self._snapshots)),
            self._progress.follow(self._snapshots),
        )
        return tuple(filter(None, told))

    def _hint(self) -> str:
        target = self.kernel_actions.armed
        key = self.key_of("kernel.interrupt")
        return f"press {key} again to interrupt {target.name}" if target else ""

    def _advise(self, text: str) -> None:
        """Say what to install if no kernel can be started; nothing for ""."""
        advice = self.query_one("#advice", Static)
        advice.update(text)
        advice.display = bool(text)
        self._show_selected()

    # -- what may be done ----------------------------------------------------------------

    def _refusal(self, command: str) -> str:
        """Return why the action cannot be done now; empty when it can."""
        action = BY_COMMAND.get(command)
        return why_not_now(action, self, self._app_actions.read_only) if action else ""

    def awaits_fleet(self, command: str) -> bool:
        """Tell whether the action is about kernels, and they are not known yet."""
        action = BY_COMMAND.get(command)
        return action is not None and awaits_fleet(action, self)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey a key whose action cannot be done now."""
        return None if self.is_mounted and self._refusal(command_of(action, parameters)) else True

    def action_perform(self, action_id: str) -> None:
        self._commands[action_id]()

    def on_key(self, event: events.Key) -> None:
        """Say why a greyed key does nothing."""
        active = self.active_bindings.get(event.key)
        if active is not None and not active.enabled:
            event.stop()
            self.say_why_not(active.binding.action)

    def commands(self) -> Iterator[SystemCommand]:
        """Yield the actions for the palette."""
        for action in ACTIONS:
            if action.scope in (Scope.TABLE, Scope.GLOBAL) and not action.built_in:
                run = partial(self.run_by_name, action)
                yield SystemCommand(action.label, action.by_name or action.description, run)

    async def run_by_name(self, action: Action) -> None:
        """Do an action that was picked from a list, or say why it cannot be done."""
        if action.id == "kernel.interrupt":
            self.kernel_actions.interrupt_chosen()  # a pick from a list is no accident
            return
        owner = self._table if action.id.startswith("table.") else self
        if not await self.app.run_action(action.command, owner):
            self.say_why_not(action.command)

    def say_why_not(self, command: str) -> None:
        self.notify(self._refusal(command), severity="warning", markup=False)

    # -- for the action classes ------------------------------------------------------------

    def push(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        self.app.push_screen(screen, answered)

    def begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        begin(self, work)

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        self.notify(text, severity=severity, markup=False)

    def _begin_start(self, start: Callable[[], str]) -> None:
        begin(self, partial(self._start, start), group="start")

    async def _start(self, start: Callable[[], str]) -> None:
        kernel_id = await self.kernel_actions.call(start)
        if not kernel_id or not self._table.go_to(kernel_id) or self._table.selected is not None:
            return
        if self.refresh_rate.paused:
            key = self.key_of("view.pause")
            self.say(f"the kernel has started; the display is paused, and {key} resumes it")
        elif any(each.kernel_id == kernel_id for each in self._snapshots):
            self.say("the kernel has started; the filter hides it")

    def on_process_view_signal_asked(self, event: ProcessView.SignalAsked) -> None:
        self.kernel_actions.signal_process(event.process, is_kill=event.is_kill)

    def on_interrupt_asked(self, event: InterruptAsked) -> None:
        self.kernel_actions.interrupt_from_console(event.kernel_id)

    # -- focus and zoom ------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        self._late.note_focus()
        self._keep_written_to()

    def _keep_written_to(self) -> None:
        """Keep the kernel selected in whose console the user is: keys must not go elsewhere."""
        self._table.keep(self._late.kernel_written_to)

    def on_console_left(self) -> None:
        self.focus_table()

    def focus_table(self) -> None:
        """Go back to the table; from there, show all kernels again."""
        self.clear_selection()
        if self._table.has_focus:
            self._table.show_all()
            self._filter.close()
        self._view.return_to_table()
        # Not by `focus`, which is done later: a prompt that closes meanwhile would take it back.
        self.set_focus(self._table)

    def focus_console(self) -> None:
        self.remove_class(*ZOOMS)
        self._late.console.enter()

    def _pick_tab(self, tab: Tab) -> None:
        """Show a tab, and give it the focus."""
        self.remove_class("-zoom-table")
        self._late.panes.pick(tab)
        self._late.panes.pane.focus()

    def _step_tab(self, by: int) -> None:
        self._late.panes.step(by)


def _if_same(now: KernelSnapshot | None, shown: KernelSnapshot) -> KernelSnapshot:
    """Return `now` if it is of the same process and as alive as `shown`, else `shown`."""
    if now is None or now.target != shown.target:
        return shown
    return now if now.target.was_dead == shown.target.was_dead else shown
