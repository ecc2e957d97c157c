"""StartActions: asks which kernel to start, and starts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kerneltui.fleet.model.engine_names import engine_of
from kerneltui.tui.dialogs.start import StartRequest, StartScreen
from kerneltui.tui.main import questions
from kerneltui.tui.main.kernel_screen import Commands, KernelScreen
from kerneltui.tui.terminal.workers import begin

if TYPE_CHECKING:
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet


class StartActions:
    """Knows the kernelspecs, and which one was started last."""

    def __init__(
        self,
        screen: KernelScreen,
        kernel_name: str,
        *,
        start: Callable[[Callable[[], str]], None],
        advise: Callable[[str], None],
    ) -> None:
        """`kernel_name`: the kernelspec that is offered first.

        `start`: calls, in a thread, a function that starts a kernel and returns its id.
        `advise`: shows what to install; called with "" if nothing is missing.
        """
        self._screen = screen
        self._begin_start = start
        self._advise = advise
        self._usual = kernel_name
        self._folders = {"": _working_folder()}
        """The folders to offer, by the names of their engines."""
        self.last = ""
        """The kernelspec that was started last; "" before the first."""
        self._languages: dict[str, str] = {}

    @property
    def commands(self) -> Commands:
        return {"kernel.start": self._ask_what_to_start}

    def language_of(self, kernel_name: str) -> str:
        """Return the language of a kernelspec's code; "" if it is not known."""
        return self._languages.get(kernel_name, "")

    async def look_for_specs(self, fleet: DashboardFleet) -> None:
        """Learn the kernelspecs' languages; if there is no kernelspec, say what to install."""
        specs = await asyncio.to_thread(fleet.kernel_specs)
        self._languages = {spec.name: spec.language for spec in specs}
        folders = () if specs else await asyncio.to_thread(_searched_folders)
        self._advise("" if specs else questions.nothing_to_start(folders))

    def prepare(self) -> None:
        """Prepare for a start of the kernelspec that is offered first."""
        if (fleet := self._screen.fleet) is not None:
            warm = partial(asyncio.to_thread, fleet.warm, self._usual)
            begin(self._screen.app, warm, group="warm")

    def _ask_what_to_start(self) -> None:
        if (fleet := self._screen.fleet) is None:
            return

        def answered(request: StartRequest | None) -> None:
            if request is not None:
                self._usual = self.last = request.kernel_name
                self._folders[engine_of(request.kernel_name)] = request.cwd
                start = partial(fleet.start, request.kernel_name)
                self._begin_start(partial(start, cwd=request.cwd, name=request.name))

        self.prepare()
        self._screen.push(StartScreen(fleet.kernel_specs, self._usual, self._folders), answered)


def _searched_folders() -> tuple[str, ...]:
    """Return the folders in which kernelspecs are searched."""
    from jupyter_core.paths import jupyter_path  # slow, and needed only once

    return tuple(jupyter_path("kernels"))


def _working_folder() -> str:
    """Return the usual folder of new kernels: ours, or the home folder if ours was removed."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return str(Path.home())
