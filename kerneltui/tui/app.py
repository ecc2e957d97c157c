"""KernelTui: the app around the screens. Wiring only.

The library, and with it zmq and psutil, is loaded by a worker after the first paint.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from kerneltui.errors import KernelError
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line
from kerneltui.tui import questions
from kerneltui.tui.actions import ACTIONS, Action, Scope, bindings
from kerneltui.tui.alerts import Alerts, sequence
from kerneltui.tui.frame import NOTICE_LIMIT, Frame
from kerneltui.tui.keymap import with_keys
from kerneltui.tui.remembered import Keeper, Remembered
from kerneltui.tui.screens.confirm import ConfirmScreen
from kerneltui.tui.screens.help import HelpScreen
from kerneltui.tui.screens.main import READ_ONLY, MainScreen
from kerneltui.tui.screens.messages import MessagesScreen
from kerneltui.tui.setup import Setup

if TYPE_CHECKING:
    from kerneltui.fleet.fleet import Fleet
    from kerneltui.tui.config import Config

PACKAGE = Path(__file__).parents[1]
STYLES = next(p for p in (PACKAGE / "styles", PACKAGE.parent / "styles") if p.is_dir())

VERBS_AT_ONCE = 32  # threads: a kill never waits behind polite shutdowns
KEEP_EVERY = 5.0  # seconds between two looks whether something is to be remembered
ALERT_EVERY = 1.0  # seconds: nobody is called for less
USUAL_SETUP = Setup()


class KernelTui(Frame):
    """The dashboard over the fleet that `make_fleet` makes."""

    TITLE = "kerneltui"
    CSS_PATH: ClassVar[list[str | PurePath]] = [STYLES / "app.tcss", STYLES / "widgets.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app."),
        Binding("ctrl+q", "app_detach", show=False, priority=True),
    ]

    def __init__(
        self,
        make_fleet: Callable[[], Fleet],
        clock: Callable[[], float] = time.monotonic,
        setup: Setup = USUAL_SETUP,
    ) -> None:
        super().__init__(setup)
        self._setup = setup
        self._make_fleet = make_fleet
        self.fleet: Fleet | None = None
        self.main = MainScreen(clock, setup)
        self._clock = clock
        self._alerts = Alerts(setup.config.notify_after)
        self._keeper = Keeper(setup.state_file, setup.remembered) if setup.state_file else None

    def get_default_screen(self) -> Screen[None]:
        return self.main

    def on_mount(self) -> None:
        executor = ThreadPoolExecutor(VERBS_AT_ONCE, "verb")
        asyncio.get_running_loop().set_default_executor(executor)
        if self._keeper is not None:
            self.set_interval(KEEP_EVERY, self._keep)
        if self._setup.config.notifications != "off":
            self.set_interval(ALERT_EVERY, self.alert)
        self.call_after_refresh(self._open_fleet)

    def _open_fleet(self) -> None:
        self.run_worker(self._attach_fleet(), group="open", exit_on_error=False)

    async def _attach_fleet(self) -> None:
        try:
            fleet = await asyncio.to_thread(self._opened_fleet)
        except (KernelError, OSError, ImportError) as error:
            self.exit(return_code=1, message=f"kerneltui: {clean_line(str(error), NOTICE_LIMIT)}")
        else:
            self.main.attach(fleet)

    def _opened_fleet(self) -> Fleet:
        # -- runs in a short thread ------------------------------------------------------
        fleet = self._make_fleet()
        fleet.open()
        self.fleet = fleet  # known here already, to be closed though the user quits meanwhile
        return fleet

    # -- what outlives the moment ---------------------------------------------------------

    def alert(self) -> None:
        """Tell whoever looks elsewhere what has happened."""
        kernels = self.fleet.snapshots if self.fleet else ()
        for told in self._alerts.look(kernels, self._clock()):
            self.write_raw(sequence(self._setup.config.notifications, told))

    def _keep(self) -> None:
        """Remember how the screen is left; one that never came up is not."""
        if self._keeper is None or not self.main.is_mounted:
            return
        theme = self.theme if self.has_colours else self._setup.remembered.theme
        left = Remembered(theme, self.main.split, self.main.table.view.to_state())
        if problem := self._keeper.keep(left):
            self.notify(problem, severity="warning")

    def on_unmount(self) -> None:
        self._keep()

    # -- leaving -------------------------------------------------------------------------

    def farewell(self) -> list[str]:
        """Return what to print once the terminal is back: the kernels that live on."""
        alive = [shown for shown in self.main.snapshots if shown.state is not KernelState.DEAD]
        if not alive:
            return []
        return ["kernels that go on running:"] + [
            clean_line(f"  {shown.name}  {shown.connection_file}", NOTICE_LIMIT) for shown in alive
        ]

    # -- actions -------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002 -- Textual's
        """Offer every action of the registry, and the themes."""
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        for action in ACTIONS:
            if action.scope in (Scope.TABLE, Scope.GLOBAL) and not action.built_in:
                run = partial(self._run_from_palette, action)
                yield SystemCommand(action.label, action.description, run)

    async def _run_from_palette(self, action: Action) -> None:
        if action.id == "kernel.interrupt":
            self.main.interrupt_chosen()  # nobody picks from a list by accident
            return
        owners = {"app": self, "table": self.main.table}
        owner = owners.get(action.id.partition(".")[0], self.main)
        if not await self.run_action(action.command, owner):
            self.main.say_why_not(action.command)

    def action_app_palette(self) -> None:
        self.action_command_palette()

    def action_app_help(self) -> None:
        self.push_screen(HelpScreen(with_keys(self._setup.config.keys)))

    def action_app_messages(self) -> None:
        self.push_screen(MessagesScreen(self.messages))

    def action_app_suspend(self) -> None:
        self.action_suspend_process()

    def action_app_lock(self) -> None:
        if self.fleet is None:
            return
        if self.fleet.locked:
            self.push_screen(ConfirmScreen(questions.unlock()), self._unlock)
        else:
            self.fleet.locked = True
            self.main.tick()

    def _unlock(self, yes: bool | None) -> None:
        if yes and self.fleet is not None:
            self.fleet.locked = False
            self.main.tick()

    def action_app_detach(self) -> None:
        self.exit()

    def action_help_quit(self) -> None:
        """Answer Ctrl+C outside the console."""
        self.notify("q quits; kernels live on. i i interrupts the selected kernel")

    def action_app_quit_shutdown(self) -> None:
        alive = [shown for shown in self.main.snapshots if shown.state is not KernelState.DEAD]
        if self.fleet is None or not alive:
            self.exit()
            return
        if self.fleet.locked:
            self.notify(READ_ONLY, severity="warning")
            return
        fleet, targets = self.fleet, [shown.target for shown in alive]

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._shut_down_and_exit(fleet), exit_on_error=False)

        if "quit_shutdown" in self._setup.config.unconfirmed:
            answered(True)
            return
        self.push_screen(ConfirmScreen(questions.quit_and_shutdown(targets)), answered)

    async def _shut_down_and_exit(self, fleet: Fleet) -> None:
        try:
            await asyncio.to_thread(fleet.shutdown_all)
        except KernelError as error:
            self.notify(str(error), severity="error")
        else:
            self.main.tick()
            self.exit()


def run_dashboard(
    make_fleet: Callable[[], Fleet], setup: Setup = USUAL_SETUP
) -> tuple[int, list[str]]:
    """Show the dashboard until the user leaves it.

    Returns the exit code, and what to print now that the terminal is back.
    """
    app = KernelTui(make_fleet, setup=setup)
    try:
        app.run(mouse=setup.config.mouse)
    finally:
        if app.fleet is not None:
            app.fleet.close()
    return app.return_code or 0, app.farewell()


def library_fleet(config: Config) -> Fleet:
    """Make the fleet of real kernels; called in a thread, for it loads zmq and psutil."""
    from kerneltui.fleet.fleet import Fleet

    return Fleet(transport=config.transport, limits=config.limits, locked=config.read_only)
