"""EngineActions: connects to other machines, leaves them, and follows how it is with them.

A secret is asked for only if a server has refused without one or with another. It goes to the
fleet, and nothing here keeps it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.tui.dialogs.connect import ConnectRequest, ConnectScreen, DisconnectScreen
from kerneltui.tui.main.kernel_screen import Commands, KernelScreen

if TYPE_CHECKING:
    from kerneltui.fleet.engines.engine_view import EngineView
    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet

LOOK = 0.1  # seconds between two looks at an engine that connects
PATIENCE = 30.0  # seconds for which its end is awaited; the status line shows it afterwards, too


class EngineActions:
    """Asks where to connect, and tells what has come of it."""

    def __init__(self, screen: KernelScreen, clock: Callable[[], float], connect_key: str) -> None:
        """`connect_key`: the key that asks where to connect, as people write it."""
        self._screen = screen
        self._clock = clock
        self._connect_key = connect_key
        self._next: ConnectScreen | None = None
        """What the key asks next, if it could not be asked when a connection failed."""
        self.shown: tuple[EngineView, ...] = ()
        """The engines as they were last seen."""

    @property
    def commands(self) -> Commands:
        return {"app.connect": self._ask_where, "app.disconnect": self._ask_which}

    def follow(self, fleet: DashboardFleet) -> bool:
        """Look at the engines; tell whether one has been connected since the last look."""
        before, self.shown = _connected(self.shown), fleet.engines
        return not _connected(self.shown) <= before

    def link_of(self, kernel: KernelSnapshot | None) -> str:
        """Return what is wrong with the connection to a kernel's engine; "" if nothing is."""
        name = kernel.engine if kernel is not None else ""
        states = (each.state for each in self.shown if each.name == name)
        return next((str(each) for each in states if each.link is not Link.CONNECTED), "")

    def connecting(self, name: str) -> str:
        """Return the engine's name while it is being connected to, else ""."""
        links = {each.name: each.state.link for each in self.shown}
        return name if links.get(name) is Link.CONNECTING else ""

    def _ask_where(self) -> None:
        """Ask where to connect; offer what has failed, or the first server that has refused us."""
        if (fleet := self._screen.fleet) is None:
            return
        screen, self._next = self._next, None
        if screen is None:
            refused = next((each for each in fleet.engines if _may_be_let_in(each)), None)
            screen = ConnectScreen() if refused is None else _screen_of(refused.name, refused)
        self._screen.push(screen, partial(self._begin_to_connect, fleet))

    def _begin_to_connect(self, fleet: DashboardFleet, request: ConnectRequest | None) -> None:
        if request is not None:
            since = self._screen.app.inputs
            self._screen.begin(partial(self._connect, fleet, request, since))

    def _ask_again(
        self, fleet: DashboardFleet, screen: ConnectScreen, problem: str, since: int
    ) -> None:
        """Ask what to do about a failure: at once, or if the user has gone on, at the next key."""

        def put_off() -> None:
            self._next = screen
            self._screen.say(f"{problem}; {self._connect_key} asks again", "error")

        answered = partial(self._begin_to_connect, fleet)
        self._screen.app.push_late(screen, answered, since=since, otherwise=put_off)

    async def _connect(self, fleet: DashboardFleet, request: ConnectRequest, since: int) -> None:
        """Connect; if that is refused, ask again."""
        text, before = request.text, {each.name for each in fleet.engines}
        try:
            name = await asyncio.to_thread(fleet.connect, text, request.secret)
        except KernelError as error:
            self._ask_again(fleet, ConnectScreen(text, str(error)), str(error), since)
            return
        self._screen.tick()
        engine = await self._outcome(fleet, name)
        if engine is None:
            return
        if engine.state.link is Link.CONNECTED:
            self._screen.say(f"{name} is connected")
        elif engine.state.link is Link.REFUSED:
            if name not in before:  # if the user gives up, nothing new is left
                await asyncio.to_thread(fleet.disconnect, name)
            problem = f"{name}: {engine.state}"
            self._ask_again(fleet, _screen_of(text, engine), problem, since)
        self._screen.tick()

    async def _outcome(self, fleet: DashboardFleet, name: str) -> EngineView | None:
        """Return an engine once it has connected, or failed to; None if it has gone meanwhile."""
        deadline = self._clock() + PATIENCE
        while True:
            engine = next((each for each in fleet.engines if each.name == name), None)
            is_over = engine is None or engine.state.link is not Link.CONNECTING
            if is_over or self._clock() >= deadline:
                return engine
            await asyncio.sleep(LOOK)

    def _ask_which(self) -> None:
        if (fleet := self._screen.fleet) is None:
            return

        def answered(name: str | None) -> None:
            if name is not None:
                self._screen.begin(partial(self._disconnect, fleet, name))

        self._screen.push(DisconnectScreen(fleet.engines), answered)

    async def _disconnect(self, fleet: DashboardFleet, name: str) -> None:
        try:
            await asyncio.to_thread(fleet.disconnect, name)
        except KernelError as error:
            self._screen.say(str(error), "error")
        else:
            self._screen.say(f"{name} is left; its kernels run on")
        self._screen.tick()


def _connected(engines: Sequence[EngineView]) -> set[str]:
    return {each.name for each in engines if each.state.link is Link.CONNECTED}


def _screen_of(text: str, refused: EngineView) -> ConnectScreen:
    return ConnectScreen(text, str(refused.state), asks_secret=refused.takes_secret)


def _may_be_let_in(engine: EngineView) -> bool:
    return engine.state.link is Link.REFUSED and engine.takes_secret
