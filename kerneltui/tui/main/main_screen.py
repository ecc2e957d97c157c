"""The main screen: the kernels, the selected one's output and its console.

Shows what the fleet publishes and passes keys on as orders. No state is ever shown
because a key was pressed: the next snapshot tells what really happened.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.details.summary import Details
from kerneltui.tui.dialogs.start import StartRequest, StartScreen
from kerneltui.tui.keys.actions import BY_COMMAND, Action, Scope, bindings, refusal, refusal_of_all
from kerneltui.tui.main import questions
from kerneltui.tui.main.alerts import Alerts, sequence
from kerneltui.tui.main.app_actions import GlobalActions
from kerneltui.tui.main.bulk_progress import BulkProgress
from kerneltui.tui.main.refresh_rate import RefreshRate
from kerneltui.tui.main.tabs import TabActions
from kerneltui.tui.main.view_actions import ViewActions
from kerneltui.tui.table.columns import ColumnIds
from kerneltui.tui.table.filter_input import FilterInput
from kerneltui.tui.table.kernel_table import KernelTable
from kerneltui.tui.table.view import TableView
from kerneltui.tui.widgets.key_line import KeyLine
from kerneltui.tui.widgets.late import Late
from kerneltui.tui.widgets.status_line import StatusLine
from kerneltui.tui.widgets.tab_bar import Tab

if TYPE_CHECKING:
    from kerneltui.fleet.fleet import Fleet
    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.console.console import ConsolePane
    from kerneltui.tui.main.panes import Panes

_PACKAGE = Path(__file__).parents[2]
STYLES = next(p for p in (_PACKAGE / "styles", _PACKAGE.parent / "styles") if p.is_dir())

TICK = 0.2  # seconds between two looks at what the fleet has published
REPAINT = 1.0  # seconds after which ages are shown anew though nothing was published

ALERT_EVERY = 1.0  # seconds: nobody is called for less

_LOOKING = "Looking for kernels…"
_ZOOMS = ("-zoom-table", "-zoom-output")


class MainScreen(TabActions, ViewActions, GlobalActions):
    """Everything but the dialogs, whose styles it brings as well."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [STYLES / "app.tcss", STYLES / "widgets.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = bindings("app.", "kernel.", "tab.", "focus.", "view.")

    def __init__(self, clock: Callable[[], float], settings: RunSettings) -> None:
        """`clock`: the one that the snapshots' instants are of."""
        super().__init__(clock, settings.config.unconfirmed)
        self.refresh_rate = RefreshRate(settings.config.refresh)
        self.resplit(settings.session_state.split)  # before there is anything to style again
        self._settings = settings
        self._progress = BulkProgress()
        self._alerts = Alerts(settings.config.notify_after)
        self._languages: dict[str, str] = {}
        self._snapshots: tuple[KernelSnapshot, ...] = ()
        self._awaited = ""
        """The id of the kernel whose console is to open once it is there."""
        self._shown_at = float("-inf")
        self._usual = StartRequest(settings.config.kernelspec, _working_folder(), "")
        self._offered: object = None
        self._late_panes = Late(self._make_panes, self._place_panes)
        self._late_code = Late(_make_console, self._place_code)

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield KernelTable(_LOOKING, f"{self.key_of('focus.table')} shows all.")
        yield FilterInput()
        yield Static(id="advice", markup=False)
        yield Details()
        yield KeyLine()

    def on_mount(self) -> None:
        self._status = self.query_one(StatusLine)
        self._table = self.query_one(KernelTable)
        self._filter = self.query_one(FilterInput)
        self._details = self.query_one(Details)
        self.query_one("#advice").display = False
        self._table.view = TableView.from_state(self._settings.table)
        self._table.focus()
        self.set_interval(TICK, self._beat)
        if self._settings.config.notifications != "off":
            self.set_interval(ALERT_EVERY, self.alert)

    # -- what comes after the table, or when it is wanted ------------------------------------

    @property
    def _panes(self) -> Panes:
        return self._late_panes.widget

    @property
    def _code(self) -> ConsolePane:
        return self._late_code.widget

    def complete(self) -> None:
        """Have everything on the screen: that which the table did not wait for."""
        self._late_panes.make()
        self._late_code.make()

    def _make_panes(self) -> Panes:
        from kerneltui.tui.main.panes import Panes

        return Panes(self._clock)

    def _place_panes(self, panes: Panes) -> None:
        self.mount(panes, after=self._details)
        panes.show(self._fleet, self.selected)

    def _place_code(self, code: ConsolePane) -> None:
        self.mount(code, before="KeyLine")
        code.fill()
        if self._fleet is not None:
            code.attach(self._fleet.console)
        code.show(self.selected, self._language)

    # -- what is shown -----------------------------------------------------------------

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """The kernels on the screen."""
        return self._snapshots

    @property
    def table(self) -> KernelTable:
        return self._table

    @property
    def selected(self) -> KernelSnapshot | None:
        return self._table.selected

    @property
    def marked(self) -> tuple[KernelSnapshot, ...]:
        return self._table.marked

    def attach(self, fleet: Fleet) -> None:
        """Show `fleet` from now on."""
        self._fleet = fleet
        self._table.explain_emptiness(
            f"No kernels. Press {self.key_of('kernel.start')} to start one."
        )
        if code := self._late_code.made:
            code.attach(fleet.console)
        self.run_worker(self._look_for_specs(fleet), group="specs", exit_on_error=False)
        self._awaited = self._settings.attached
        self.tick()

    def _beat(self) -> None:
        self.refresh_rate.watched = self.app.app_focus
        if self.refresh_rate.is_due(self._clock()):
            self.look()
        else:
            self.attend()

    def tick(self) -> None:
        """Show what has been published since the last time; nothing of it while paused."""
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
        if panes := self._late_panes.made:
            panes.pull()
        self.attend()

    def attend(self) -> None:
        if self._fleet is None:
            return
        self._status.show(self._snapshots, self._hint(self._clock()), notes=self._notes())
        if code := self._late_code.made:
            code.pull()
        for notice in self._fleet.take_notices():
            self.notify(notice.text, severity=notice.severity, markup=False)

    def alert(self) -> None:
        """Tell whoever looks elsewhere what has happened, paused or not."""
        kernels = self._fleet.snapshots if self._fleet else ()
        for told in self._alerts.look(kernels, self._clock()):
            self.app.write_raw(sequence(self._settings.config.notifications, told, os.environ))

    def _show(self, snapshots: tuple[KernelSnapshot, ...], now: float) -> None:
        self._snapshots, self._shown_at = snapshots, now
        self._table.show(snapshots, now)
        if self._awaited and any(each.kernel_id == self._awaited for each in snapshots):
            self._table.cursor_id, self._awaited = self._awaited, ""
            self.action_focus_console()
        self._show_selected()

    @on(KernelTable.Selected)
    def _show_selected(self) -> None:
        snapshot = self.selected
        self._details.show(snapshot, self._clock())
        if panes := self._late_panes.made:
            panes.show(self._fleet, snapshot)
        if code := self._late_code.made:
            code.show(snapshot, self._language)
        self._show_offers()

    @property
    def _language(self) -> str:
        """What code for the selected kernel is written in; empty where that is not known."""
        return self._languages.get(self.selected.kernel_name, "") if self.selected else ""

    @on(KernelTable.ViewChanged)
    def _show_view(self) -> None:
        self._show_offers()
        self.tick()

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
        """Have the keys painted again where others may be pressed now."""
        offered = (
            self.selected and self.selected.allowed,
            {verb for kernel in self.marked for verb in kernel.allowed},
            any(kernel.is_ours for kernel in self._snapshots),
            self.locked,
        )
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def _notes(self) -> tuple[str, ...]:
        """Return what is unusual about what is shown."""
        told = (
            "RO" if self.locked else "",
            self.refresh_rate.shown,
            *self._table.view.notes(self._table.rows, len(self._snapshots)),
            self._progress.follow(self._snapshots),
        )
        return tuple(filter(None, told))

    def _hint(self, now: float) -> str:
        target = self._interrupting.armed(now)
        key = self.key_of("kernel.interrupt")
        return f"press {key} again to interrupt {target.name}" if target else ""

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
        if self.awaits_fleet(command):
            return "the kernels are not known yet"
        if action.changes and self.locked:
            return self.read_only
        if action.id == "kernel.shutdown_all" and not any(each.is_ours for each in self._snapshots):
            return "there is no kernel of kerneltui's to shut down"
        if action.bulk and self.marked:
            return refusal_of_all(action, self.marked)
        return refusal(action, self.selected)

    def awaits_fleet(self, command: str) -> bool:
        """Tell whether the action is about kernels, and they are not known yet."""
        action = BY_COMMAND.get(command)
        return self._fleet is None and action is not None and action.scope is Scope.TABLE

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 -- Textual's
        """Grey what the selected kernel does not allow now."""
        return None if self.is_mounted and self._refusal(action) else True

    def on_key(self, event: events.Key) -> None:
        """Say why a greyed key does nothing."""
        active = self.active_bindings.get(event.key)
        if active is not None and not active.enabled:
            event.stop()
            self.say_why_not(active.binding.action)

    async def run_by_name(self, action: Action) -> None:
        if action.id == "kernel.interrupt":
            self.interrupt_chosen()  # nobody picks from a list by accident
            return
        owner = self._table if action.id.startswith("table.") else self
        if not await self.app.run_action(action.command, owner):
            self.say_why_not(action.command)

    def say_why_not(self, command: str) -> None:
        self.notify(self._refusal(command), severity="warning", markup=False)

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
            if self.selected is None:
                self.notify("the kernel has started; the filter hides it", markup=False)

    def on_console_pane_interrupt_asked(self) -> None:
        self.interrupt_selected()

    # -- focus and zoom ------------------------------------------------------------------

    def on_console_pane_left(self) -> None:
        self.action_focus_table()

    def action_focus_table(self) -> None:
        """Go back to the table; from there, show all kernels again."""
        self.clear_selection()
        if self._table.has_focus:
            self._table.show_all()
            self._filter.close()
        self.remove_class(*_ZOOMS)
        self._table.focus()

    def action_focus_output(self) -> None:
        self.remove_class("-zoom-table")
        self._panes.pick(Tab.OUTPUT)
        self._panes.pane.focus()

    def action_focus_console(self) -> None:
        self.remove_class(*_ZOOMS)
        self._code.enter()

    def action_view_zoom(self) -> None:
        if any(self.has_class(zoom) for zoom in _ZOOMS):
            self.remove_class(*_ZOOMS)
        else:
            panes = self._late_panes.made
            self.add_class("-zoom-output" if panes and panes.has_focus_within else "-zoom-table")


def _make_console() -> ConsolePane:
    from kerneltui.tui.console.console import ConsolePane

    return ConsolePane()


def _searched_folders() -> tuple[str, ...]:
    """Return where kernelspecs are looked for."""
    from jupyter_core.paths import jupyter_path  # slow, and needed but once

    return tuple(jupyter_path("kernels"))


def _working_folder() -> str:
    """Return the folder that new kernels work in, as a rule: the home where ours was removed."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return str(Path.home())
