"""ServerPoller: asks one Jupyter server for its kernels, again and again, in a thread."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Protocol

from kerneltui.errors import KernelError, LoginRefused, ServerRefused
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.server.listing import Look, RemoteKernel, listed, notebooks_of
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.kernels.gateway.models import KernelModel, SessionModel, SpecModel
from kerneltui.protocol.text import clean_line

INTERVAL = 3.0  # seconds between two looks
FIRST_PAUSE = 1.0  # seconds until the next look after a first one that has failed
LONGEST_PAUSE = 30.0  # seconds, after many that have failed
SELDOM = 300.0  # seconds until it is asked again for kernelspecs, or for what it has refused
REASON_WIDTH = 300  # characters
NOT_LISTED = frozenset({403, 404, 405, 501})
"""Statuses of a server that does not have, or does not show, a list."""
LOG_IN = "give a token or a password that it accepts"


class KernelLists(Protocol):
    """The questions to a server; each blocks, and raises KernelError."""

    def kernels(self) -> Sequence[KernelModel]: ...

    def sessions(self) -> Sequence[SessionModel]: ...

    def specs(self) -> tuple[SpecModel, ...]: ...

    def model(self, kernel_id: str) -> KernelModel: ...


class ServerPoller:
    """Asks one thing at a time. What is published is rebound: any thread may read it.

    `on_look`: called after each look, in the thread that has looked; a look waits until that
    returns. `on_turn`: called each second in the poller's thread, if it does not look then.
    """

    def __init__(
        self,
        name: str,
        server: Callable[[], KernelLists],
        on_look: Callable[[], None],
        on_turn: Callable[[], None],
        *,
        about: str = "",
    ) -> None:
        """`server`: returns what to ask, as who is logged in now.

        `about`: how errors name the server; left out of why it is lost, as its own name is enough
        for who was connected to it.
        """
        self.state = EngineState(Link.CONNECTING, time.monotonic())
        self.kernels: Mapping[str, RemoteKernel] = MappingProxyType({})
        """By the server's id."""
        self.specs: tuple[SpecModel, ...] = ()
        self.heard_at: float | None = None
        """When the server told its kernels last; instant of `time.monotonic()`."""
        self.why_unlisted = ""
        """Why it does not list its kernels: then only those that were started here are known. ""
        if it does."""
        self._server = server
        self._about = f"{about} "
        self._on_look = on_look
        self._on_turn = on_turn
        self._looking = threading.Lock()
        self._began_at = 0.0
        """When the latest look began."""
        self._told_at: float | None = None
        """When the latest look that succeeded began."""
        self._failed = 0
        """Looks in a row."""
        self._specs_due = self._sessions_due = 0.0
        self._started: dict[str, None] = {}
        """Ids of kernels that were started here."""
        self._due = 0.0
        """When the thread looks next, an instant of `time.monotonic()`."""
        self._thread = PeriodicThread(f"servers-{name}", f"asking the server {name}", self._turn)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; whoever is waited for there has to be disconnected first."""
        self._thread.stop()

    def hurry(self) -> None:
        """Have the thread look again at once, or after the look under way."""
        self._due = 0.0
        self._thread.hurry()

    def look(self) -> None:
        """Ask the server now, in the caller's thread; what several ask for at once is one look."""
        wanted_at = time.monotonic()
        with self._looking:
            if self._began_at < wanted_at and self.state.link is not Link.REFUSED:
                self._began_at = time.monotonic()
                self._look()

    def ask_again(self) -> None:
        """Ask a server that has refused us, with another token. Blocking."""
        with self._looking:
            self._failed = 0
            self.state = EngineState(Link.CONNECTING, time.monotonic())
        self.look()

    def note_started(self, kernel_id: str) -> None:
        """Remember a kernel that was started here, for a server that does not list its kernels."""
        self._started[kernel_id] = None

    @property
    def unheard_since(self) -> float | None:
        """Since when the server has told nothing; None while it tells."""
        return None if self.state.link is Link.CONNECTED else self.heard_at

    def _turn(self) -> None:
        if self._due > time.monotonic():
            self._on_turn()
            return
        self._due = math.inf  # unless somebody hurries it meanwhile
        try:
            self.look()
        finally:
            self._due = min(self._due, time.monotonic() + self.pause)

    @property
    def pause(self) -> float:
        """Seconds until the next look."""
        if not self._failed:
            return INTERVAL
        if self.state.link is Link.REFUSED:  # it is not asked then
            return LONGEST_PAUSE
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failed - 1, 10))

    # -- within a turn ----

    def _look(self) -> None:
        try:
            models = self._models()
            notebooks = notebooks_of(self._sessions())
        except KernelError as error:
            self._fail(error)
        else:
            look = Look(time.monotonic(), time.time(), self._told_at)
            self.kernels = MappingProxyType(listed(models, notebooks, self.kernels, look))
            self._failed, self._told_at, self.heard_at = 0, self._began_at, look.at
            if self.state.link is not Link.CONNECTED:
                self.state = EngineState(Link.CONNECTED, look.at)
        if not self._thread.has_ended:
            self._on_look()
        if self.state.link is Link.CONNECTED and self._specs_due <= self._began_at:
            self._ask_for_specs()

    def _fail(self, error: KernelError) -> None:
        now, reason = time.monotonic(), clean_line(str(error), REASON_WIDTH)
        self._failed += 1
        self._specs_due = self._sessions_due = 0.0  # it may be another server when it is back
        if isinstance(error, LoginRefused):
            self.state = EngineState(Link.REFUSED, now, reason, LOG_IN)
        elif self.heard_at is None:
            self.state = EngineState(Link.CONNECTING, self.state.since, reason)
        else:
            is_news = self.state.link is not Link.LOST
            why = reason.removeprefix(self._about)
            self.state = EngineState(Link.LOST, now if is_news else self.state.since, why)

    def _models(self) -> Iterable[KernelModel]:
        try:
            models = self._server().kernels()
        except ServerRefused as error:
            if error.status not in NOT_LISTED:
                raise
            self.why_unlisted = clean_line(str(error), 2 * REASON_WIDTH)
            return self._models_of_started()
        self.why_unlisted = ""
        return models

    def _models_of_started(self) -> list[KernelModel]:
        """Return the kernels that were started here and are still there."""
        models = []
        for kernel_id in list(self._started):
            try:
                models.append(self._server().model(kernel_id))
            except ServerRefused as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                self._started.pop(kernel_id, None)
        return models

    def _sessions(self) -> Sequence[SessionModel]:
        """Return the sessions; () from a server that has or shows none."""
        if self._sessions_due > self._began_at:
            return ()
        try:
            return self._server().sessions()
        except ServerRefused as error:
            if error.status not in NOT_LISTED:
                raise
            self._sessions_due = self._began_at + SELDOM
            return ()

    def _ask_for_specs(self) -> None:
        self._specs_due = self._began_at + SELDOM
        try:
            specs = self._server().specs()
        except KernelError:  # rows do not need them; the earlier ones stay
            return
        if specs != self.specs:
            self.specs = specs
            self._on_look()
