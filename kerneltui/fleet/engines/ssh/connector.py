"""Connector: keeps an agent of another host connected, from a thread of its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import kerneltui
from kerneltui.errors import ActionRefused
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.ssh.box import Box
from kerneltui.fleet.engines.ssh.codec import Fields
from kerneltui.fleet.engines.ssh.command import Diagnosis, diagnose_start
from kerneltui.fleet.engines.ssh.lines import Greeting
from kerneltui.fleet.engines.ssh.link import UNHEARD, AgentLink
from kerneltui.kernels.processes.guarded_thread import Failures, GuardedThread

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before another attempt to connect
STEADY = 30.0  # seconds after which a connection is not one that fails again and again
SPREAD = 0.25  # of a pause, by chance: not all dashboards come back at the same moment


class Connector:
    """Connects again and again, until it is closed or refused for good."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        destination: str,
        box: Box,
        begin: Callable[[], None],
    ) -> None:
        """`begin`: called once an agent has greeted, to tell it what it has to know."""
        self._name = name
        self._argv = argv
        self._destination = destination
        self._box = box
        self._begin = begin
        self.state = EngineState(Link.CONNECTING, time.monotonic())
        """Rebound, never changed."""
        self.link: AgentLink | None = None
        self._is_greeted = False
        self._heard_at: float | None = None
        """When the last agent was heard last; None if there was none."""
        self._is_silent = False
        self._lock = threading.Lock()
        self._pause = FIRST_PAUSE
        self._ended = threading.Event()
        self._failures = Failures(f"engine {name}")
        self._thread = GuardedThread(self._run, f"engine-ssh {name}")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End ssh at once, and wait for that."""
        with self._lock:
            self._ended.set()
            if self.link is not None:
                self.link.close()
        self._thread.join()

    def ask(self, do: str, **arguments: object) -> Future[Any]:
        """Send a request; return its future result. Raises ActionRefused without an agent."""
        link, state = self.link, self.state
        if link is None or state.link is not Link.CONNECTED:
            raise ActionRefused(f"{self._name}: {silence(state, time.monotonic())}")
        return link.ask(do, **arguments)

    def tell(self, do: str, **arguments: object) -> None:
        """Send what needs no reply; without an agent nothing happens."""
        if (link := self.link) is not None and self._is_greeted:
            link.tell(do, **arguments)

    # -- runs in its thread ----

    def _run(self) -> None:
        while self._connect() and self.state.link is not Link.REFUSED:
            self._ended.wait(self._pause * random.uniform(1 - SPREAD, 1 + SPREAD))
            self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _connect(self) -> bool:
        """Run ssh until it ends; False if there is nothing to connect any more."""
        try:
            link = AgentLink(
                self._argv,
                self._destination,
                kerneltui.__version__,
                greeted=self._greeted,
                hear=self._hear,
                tick=self._tick,
            )
        except OSError as error:
            self._note_end(diagnose_start(error))
            return not self._ended.is_set()
        with self._lock:
            if self._ended.is_set():
                link.discard()
                return False
            self.link = link
        begun = time.monotonic()
        try:
            ended = link.run()
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end the thread
            self._failures.tell(error)
            ended = Diagnosis("reading what came has failed")
        if time.monotonic() - begun >= STEADY:
            self._pause = FIRST_PAUSE
        self.link, self._is_greeted = None, False
        self._note_end(ended)
        return True

    def _greeted(self, greeting: Greeting) -> None:
        self._box.begin(greeting.now)
        self._heard_at, self._is_greeted = time.monotonic(), True
        self._begin()

    def _hear(self, news: Fields) -> None:
        """Take in news; the connection counts as made once all rows were told."""
        self._box.hear(news)
        if "number" in news:
            self.tell("seen", number=news["number"])
        if "order" in news and self.state.link is not Link.CONNECTED:
            self.state = EngineState(Link.CONNECTED, time.monotonic())

    def _tick(self, heard_at: float) -> None:
        """Say in the rows how old they are, if nothing is heard although ssh runs."""
        self._heard_at, now = heard_at, time.monotonic()
        is_silent = now - heard_at > UNHEARD
        if is_silent and self.state.link is Link.CONNECTED:
            self.state = EngineState(Link.LOST, heard_at, "it does not answer")
        elif not is_silent and self._is_silent:
            self.state = EngineState(Link.CONNECTED, now)
        self._is_silent = is_silent
        self._box.mark_unheard(heard_at if is_silent else None)

    def _note_end(self, ended: Diagnosis) -> None:
        if ended.is_final:
            how = Link.REFUSED
        else:
            how = Link.CONNECTING if self._heard_at is None else Link.LOST
        since = self.state.since if self._heard_at is None else self._heard_at
        self.state = EngineState(how, since, ended.reason, ended.advice)
        self._box.mark_unheard(self._heard_at)


def silence(state: EngineState, now: float) -> str:
    """Return, for a person, since when an engine tells nothing, and why."""
    if state.link is Link.LOST:
        return f"not heard for {now - state.since:.0f} s: {state.reason}"
    return str(state)
