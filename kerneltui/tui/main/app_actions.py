"""The keys that are for the whole app, whatever kernel is selected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import getters
from textual.app import SystemCommand

from kerneltui.errors import KernelError
from kerneltui.protocol.status import KernelState
from kerneltui.tui.dialogs.confirm import ConfirmScreen
from kerneltui.tui.keys.actions import ACTIONS, Action, Scope
from kerneltui.tui.keys.keymap import key_of, with_keys
from kerneltui.tui.main import questions
from kerneltui.tui.main.kernel_actions import KernelVerbs
from kerneltui.tui.terminal.base_app import BaseApp

if TYPE_CHECKING:
    from kerneltui.fleet.fleet import Fleet
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
    from kerneltui.tui.config.setup import RunSettings


class GlobalActions(KernelVerbs):
    """Mixed into a screen; named after the registry's ids."""

    app = getters.app(BaseApp)
    _settings: RunSettings

    def key_of(self, action_id: str) -> str:
        """Return how people write the key of an action, as it is bound here."""
        return key_of(action_id, self._settings.config.keys)

    @property
    def read_only(self) -> str:
        """Why nothing is asked of a kernel while it is locked."""
        return f"read-only: {self.key_of('app.lock')} unlocks"

    async def run_by_name(self, action: Action) -> None:
        """Do what was picked from a list, or say why it cannot be done."""
        raise NotImplementedError

    def commands(self) -> Iterator[SystemCommand]:
        """Yield what the palette offers: every action of the registry that has a name there."""
        for action in ACTIONS:
            if action.scope in (Scope.TABLE, Scope.GLOBAL) and not action.built_in:
                run = partial(self.run_by_name, action)
                yield SystemCommand(action.label, action.by_name or action.description, run)

    def action_app_palette(self) -> None:
        self.app.action_command_palette()

    def action_app_help(self) -> None:
        from kerneltui.tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen(with_keys(self._settings.config.keys)))

    def action_app_notices(self) -> None:
        from kerneltui.tui.dialogs.notices import NoticesScreen

        self.app.push_screen(NoticesScreen(self.app.notices))

    def action_app_suspend(self) -> None:
        self.app.action_suspend_process()

    def action_app_picture(self) -> None:
        # After the palette, from which this is called, has gone from the screen.
        self.call_after_refresh(self._save_picture)

    def _save_picture(self) -> None:
        from kerneltui.tui.dialogs.save import SaveScreen

        content = self.app.export_screenshot().encode()
        self.app.push_screen(SaveScreen(Path.home(), "kerneltui", ".svg", content))

    def action_app_redraw(self) -> None:
        self.app.redraw()

    def action_app_lock(self) -> None:
        if self._fleet is None:
            return
        if self._fleet.locked:
            self.app.push_screen(ConfirmScreen(questions.unlock()), self._unlock)
        else:
            self._fleet.locked = True
            self.tick()

    def _unlock(self, yes: bool | None) -> None:
        if yes and self._fleet is not None:
            self._fleet.locked = False
            self.tick()

    # -- leaving -------------------------------------------------------------------------

    @property
    def alive(self) -> list[KernelSnapshot]:
        """The kernels of ours that go on running where they are left."""
        return _alive(self.snapshots)

    def action_app_detach(self) -> None:
        self.app.exit()

    def action_app_quit_shutdown(self) -> None:
        alive = self.alive
        if self._fleet is None or not alive:
            self.app.exit()
            return
        if self.locked:
            self.notify(self.read_only, severity="warning")
            return
        fleet, targets = self._fleet, [shown.target for shown in alive]

        def answered(yes: bool | None) -> None:
            if yes and [each.target for each in _alive(fleet.snapshots)] != targets:
                self.notify("the kernels have changed; look again", severity="warning")
            elif yes:
                self.run_worker(self._shut_down_and_exit(fleet, targets), exit_on_error=False)

        if "quit_shutdown" in self._unconfirmed:
            answered(True)
            return
        self.app.push_screen(ConfirmScreen(questions.quit_and_shutdown(targets)), answered)

    async def _shut_down_and_exit(self, fleet: Fleet, targets: Sequence[Target]) -> None:
        try:
            refused = await asyncio.to_thread(fleet.shutdown_all, targets)
        except KernelError as error:
            refused = str(error)
        self.tick()
        if refused:
            self.notify(refused, severity="error")
        else:
            self.app.exit()


def _alive(kernels: Sequence[KernelSnapshot]) -> list[KernelSnapshot]:
    return [each for each in kernels if each.is_ours and each.state is not KernelState.DEAD]
