"""StartActions: which kernel is to be started, and what can be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kerneltui.tui.dialogs.start import StartRequest, StartScreen
from kerneltui.tui.main import questions
from kerneltui.tui.main.kernel_screen import Commands, KernelScreen

if TYPE_CHECKING:
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet


class StartActions:
    """Knows the kernelspecs, and what was started last."""

    def __init__(
        self,
        screen: KernelScreen,
        kernel_name: str,
        *,
        start: Callable[[Callable[[], str]], None],
        advise: Callable[[str], None],
    ) -> None:
        """`kernel_name`: the kernelspec that is offered first.

        `start`: has a thread start a kernel and return its id. `advise`: shows what to install;
        "" if nothing need be.
        """
        self._screen = screen
        self._begin_start = start
        self._advise = advise
        self._usual = StartRequest(kernel_name, _working_folder(), "")
        self.last = ""
        """The kernelspec that was started last; "" before the first."""
        self._languages: dict[str, str] = {}

    @property
    def commands(self) -> Commands:
        return {"kernel.start": self._ask_what_to_start}

    def language_of(self, kernel_name: str) -> str:
        """Return what code for such a kernel is written in; "" if that is not known."""
        return self._languages.get(kernel_name, "")

    async def look_for_specs(self, fleet: DashboardFleet) -> None:
        """Learn the kernelspecs' languages; where there is none, say what to install."""
        specs = await asyncio.to_thread(fleet.kernel_specs)
        self._languages = {spec.name: spec.language for spec in specs}
        folders = () if specs else await asyncio.to_thread(_searched_folders)
        self._advise("" if specs else questions.nothing_to_start(folders))

    def _ask_what_to_start(self) -> None:
        if (fleet := self._screen.fleet) is None:
            return

        def answered(request: StartRequest | None) -> None:
            if request is not None:
                self._usual, self.last = request, request.kernel_name
                start = partial(fleet.start, request.kernel_name)
                self._begin_start(partial(start, cwd=request.cwd, name=request.name))

        self._screen.push(StartScreen(fleet.kernel_specs, self._usual), answered)


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
