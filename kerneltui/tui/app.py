"""KernelTui: the app around the screens. Wiring only.

The main screen is loaded after the first paint. Meanwhile a thread loads the library, which
imports zmq and psutil.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import SystemCommand
from textual.screen import Screen

from kerneltui.errors import KernelError
from kerneltui.protocol.text import clean_line
from kerneltui.tui.config.session_state import Keeper, SessionState
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.opening_screen import OpeningScreen
from kerneltui.tui.terminal.base_app import NOTICE_LIMIT, BaseApp
from kerneltui.tui.terminal.workers import Workers, begin

if TYPE_CHECKING:
    from kerneltui.fleet.engines.choice import AnyEngine
    from kerneltui.tui.config.config import Config
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet
    from kerneltui.tui.main.main_screen import MainScreen

CALLS_AT_ONCE = 32  # threads: bulk orders leave some of them free, so that no key waits for them
LEAVING = 0.5  # seconds that quitting waits for running verbs
KEEP_EVERY = 5.0  # seconds between two checks whether the session state has changed
USUAL_SETTINGS = RunSettings()


class KernelTui(BaseApp):
    """The dashboard over the fleet that `make_fleet` makes."""

    TITLE = "kerneltui"

    def __init__(
        self,
        make_fleet: Callable[[], DashboardFleet],
        clock: Callable[[], float] = time.monotonic,
        settings: RunSettings = USUAL_SETTINGS,
    ) -> None:
        super().__init__(settings)
        self._settings = settings
        self._make_fleet = make_fleet
        self.fleet: DashboardFleet | None = None
        self._main: MainScreen | None = None
        self._clock = clock
        self._keeper = (
            Keeper(settings.state_file, settings.session_state) if settings.state_file else None
        )

    @property
    def main(self) -> MainScreen:
        """The main screen: everything except the dialogs. It exists after the first paint."""
        assert self._main is not None
        return self._main

    @property
    def has_message_line(self) -> bool:
        return self._main is not None and (self.screen is self._main or self.screen.is_modal)

    def get_default_screen(self) -> Screen[None]:
        return OpeningScreen()

    def on_mount(self) -> None:
        asyncio.get_running_loop().set_default_executor(Workers(CALLS_AT_ONCE, LEAVING))
        self.call_after_refresh(self._open)

    async def _open(self) -> None:
        """Show the main screen, then give it the keys pressed so far.

        A thread opens the fleet while the screen waits for frames.
        """
        from kerneltui.tui.keys.keymap import for_textual
        from kerneltui.tui.main.main_screen import MainScreen

        opening = asyncio.create_task(asyncio.to_thread(self._opened_fleet))
        self.set_keymap(for_textual(self._settings.config.keys))
        self._main = MainScreen(self._clock, self._settings)
        self.load_styles(self._main)
        await self.push_screen(self._main)
        await self.release_keys()
        if self._keeper is not None:
            self.set_interval(KEEP_EVERY, self._keep)
        begin(self, partial(self._attach_fleet, opening), group="open")

    async def _attach_fleet(self, opening: asyncio.Task[DashboardFleet]) -> None:
        try:
            fleet = await opening
        except (KernelError, OSError, ImportError) as error:
            self.exit(return_code=1, message=f"kerneltui: {clean_line(str(error), NOTICE_LIMIT)}")
        else:
            self.main.attach(fleet)
            self.call_later(self.release_keys)
            await self._paint()
            self.main.complete()
            end_of_start()

    async def _paint(self) -> None:
        """Return once all changes so far are on the screen."""
        painted = asyncio.Event()
        self.call_after_refresh(painted.set)
        await painted.wait()

    def _opened_fleet(self) -> DashboardFleet:
        # -- runs in a short thread ------------------------------------------------------
        fleet = self._make_fleet()
        fleet.open()
        self.fleet = fleet  # set here, so that it is closed even if the user quits meanwhile
        return fleet

    def must_wait(self, key: events.Key) -> bool:
        """Tell whether `key` acts on kernels that are not known yet."""
        active = self.screen.active_bindings.get(key.key)
        return active is not None and self.main.awaits_fleet(active.binding.action)

    # -- session state --------------------------------------------------------------------

    def _keep(self) -> None:
        """Save the session state, unless the main screen was never shown."""
        if self._keeper is None or self._main is None or not self._main.is_mounted:
            return
        theme = self.theme if self.has_colours else self._settings.session_state.theme
        main = self.main
        left = SessionState(theme, main.split, main.started_kernelspec, main.table.view.to_state())
        if problem := self._keeper.keep(left):
            self.notify(problem, severity="warning")

    def on_unmount(self) -> None:
        self._keep()

    # -- leaving -------------------------------------------------------------------------

    def farewell(self) -> list[str]:
        """Return the lines to print after leaving: the kernels that live on.

        After them, the questions of their cells that are not answered.
        """
        from kerneltui.tui.main.farewell import farewell

        if self._main is None or self.fleet is None:
            return []
        return farewell(self.fleet.snapshots, self.fleet.console.prompts)

    # -- actions -------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002 -- Textual's
        """Offer every action of the registry, and the themes."""
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield from self.main.commands()

    def action_focus_next(self) -> None:
        self.main.complete()
        super().action_focus_next()

    def action_focus_previous(self) -> None:
        self.main.complete()
        super().action_focus_previous()

    def action_help_quit(self) -> None:
        """Tell the keys that quit and interrupt, for Ctrl+C outside the console."""
        quits, interrupts = map(self.main.key_of, ("app.detach", "kernel.interrupt"))
        self.notify(
            f"{quits} quits; kernels live on. "
            f"{interrupts} {interrupts} interrupts the selected kernel"
        )


def run_dashboard(
    make_fleet: Callable[[], DashboardFleet], settings: RunSettings = USUAL_SETTINGS
) -> tuple[int, list[str]]:
    """Show the dashboard until the user leaves it.

    Returns the exit code, and the lines to print afterwards.
    """
    app = KernelTui(make_fleet, settings=settings)
    gc.disable()  # until all is loaded: garbage collection takes a tenth of a start
    try:
        app.run(mouse=settings.config.mouse)
    finally:
        if app.fleet is not None:
            app.fleet.close()
    return app.return_code or 0, app.farewell()


def end_of_start() -> None:
    """Switch garbage collection on, for objects that are made from now on.

    A collection of everything loaded at the start stops the interface for 60 ms each time.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def library_fleet(config: Config, wanted: Iterable[AnyEngine] = ()) -> DashboardFleet:
    """Make the fleet of real kernels; called in a thread, because it loads zmq and psutil.

    `wanted`: the remote engines that it has at the start. Raises KernelError.
    """
    from kerneltui.fleet.composition import Machines
    from kerneltui.fleet.engines.choice import usual_engines
    from kerneltui.fleet.fleet import Fleet
    from kerneltui.fleet.manifests.mounts import runtime_folder_problems
    from kerneltui.tui.keys.keymap import key_of

    fleet = Fleet(
        transport=config.transport,
        limits=config.limits,
        locked=config.read_only,
        given_by=lambda verb: key_of(f"kernel.{verb.name.lower()}", config.keys),
        stack_signal=config.stack_signal,
        launcher=config.launcher,
        preload=config.preload,
    )
    for problem in runtime_folder_problems():
        fleet.warn(problem)
    machines = Machines(fleet, wanted, config.engines, config.limits)
    for usual in usual_engines(config.engines):
        if usual.name not in [each.name for each in machines.remote]:
            try:
                machines.join(usual)
            except KernelError as error:
                fleet.warn(str(error))
    return machines
