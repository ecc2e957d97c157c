"""AppActions: the actions for the whole app, whatever kernel is selected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.protocol.status import KernelState
from kerneltui.tui.dialogs.confirm import Answer, ConfirmScreen
from kerneltui.tui.keys.keymap import key_of, with_keys
from kerneltui.tui.main import questions
from kerneltui.tui.main.kernel_screen import Commands, KernelScreen

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
    from kerneltui.tui.config.config import Config
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet


class AppActions:
    """Help, notices, read-only mode, pictures, and quitting."""

    def __init__(self, screen: KernelScreen, config: Config, clock: Callable[[], float]) -> None:
        self._screen = screen
        self._keys = config.keys
        self._clock = clock
        self._unconfirmed = config.unconfirmed
        self._stays_locked = config.read_only

    @property
    def commands(self) -> Commands:
        screen = self._screen
        return {
            "app.palette": lambda: screen.app.action_command_palette(),
            "app.help": self._help,
            "app.notices": self._notices,
            "app.suspend": lambda: screen.app.action_suspend_process(),
            "app.picture": self._picture,
            "app.redraw": lambda: screen.app.redraw(),
            "app.lock": self._lock,
            "app.detach": lambda: screen.app.exit(),
            "app.quit_shutdown": self._quit_and_shut_down,
        }

    @property
    def read_only(self) -> str:
        """Why nothing is asked of kernels while the fleet is locked."""
        if self._stays_locked:
            return "read-only, by --read-only or kerneltui.toml: no key unlocks it"
        return f"read-only: {key_of('app.lock', self._keys)} unlocks"

    def _help(self) -> None:
        from kerneltui.tui.dialogs.help import HelpScreen

        self._screen.push(HelpScreen(with_keys(self._keys)))

    def _notices(self) -> None:
        from kerneltui.tui.dialogs.notices import NoticesScreen

        self._screen.push(NoticesScreen(self._screen.app.notices))

    def _picture(self) -> None:
        # Called from the palette, so wait until the palette has left the screen.
        self._screen.app.call_after_refresh(self._save_picture)

    def _save_picture(self) -> None:
        from kerneltui.tui.dialogs.save import SaveScreen

        content = self._screen.app.export_screenshot().encode()
        self._screen.push(SaveScreen(Path.home(), "kerneltui", ".svg", content))

    def _lock(self) -> None:
        if (fleet := self._screen.fleet) is None:
            return
        if self._stays_locked:
            self._screen.say(self.read_only, "warning")
        elif fleet.locked:
            self._screen.push(ConfirmScreen(questions.unlock()), self._unlock)
        else:
            fleet.locked = True
            self._screen.tick()

    def _unlock(self, answer: Answer | None) -> None:
        if answer is Answer.YES and (fleet := self._screen.fleet) is not None:
            fleet.locked = False
            self._screen.tick()

    # -- leaving -------------------------------------------------------------------------

    def _quit_and_shut_down(self) -> None:
        fleet, targets = self._screen.fleet, _targets(self._screen.snapshots)
        if fleet is None or not targets:
            self._screen.app.exit()
        elif self._screen.locked:
            self._screen.say(self.read_only, "warning")
        elif "quit_shutdown" in self._unconfirmed:
            self._shut_down(fleet, targets)
        else:
            question = questions.quit_and_shutdown(
                _within_reach(self._screen.snapshots), self._clock()
            )
            self._screen.push(ConfirmScreen(question), self._answer_of(fleet, targets))

    def _answer_of(
        self, fleet: DashboardFleet, targets: list[Target]
    ) -> Callable[[Answer | None], None]:
        def answered(answer: Answer | None) -> None:
            if answer is Answer.YES:
                self._shut_down(fleet, targets)

        return answered

    def _shut_down(self, fleet: DashboardFleet, targets: list[Target]) -> None:
        if _targets(fleet.snapshots) != targets:
            self._screen.say("the kernels have changed; look again", "warning")
        else:
            self._screen.begin(partial(self._shut_down_and_exit, fleet, targets))

    async def _shut_down_and_exit(self, fleet: DashboardFleet, targets: Sequence[Target]) -> None:
        try:
            refused = await asyncio.to_thread(fleet.shutdown_all, targets)
        except KernelError as error:
            refused = str(error)
        self._screen.tick()
        if refused:
            self._screen.say(refused, "error")
        else:
            self._screen.app.exit()


def left_running(kernels: Sequence[KernelSnapshot]) -> list[KernelSnapshot]:
    """Return our kernels that go on running when the dashboard quits."""
    return [each for each in kernels if each.is_ours and each.state is not KernelState.DEAD]


def _within_reach(kernels: Sequence[KernelSnapshot]) -> list[KernelSnapshot]:
    return [each for each in left_running(kernels) if each.is_heard]


def _targets(kernels: Sequence[KernelSnapshot]) -> list[Target]:
    return [each.target for each in _within_reach(kernels)]
