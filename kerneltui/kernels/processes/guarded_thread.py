"""Threads with a handler at their top: what fails in one is told, and it goes on."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from kerneltui.errors import KernelError

FORGET = 60.0  # seconds without a failure after which the same one is told again
PAUSE = 1.0  # seconds at least after a turn that failed: no failure makes a busy loop
PLACES = 4  # of a traceback, the innermost ones

Work = Callable[[], object]

_log = logging.getLogger(__name__)


class Failures:
    """Logs what fails in one thread; the same failure is told once while it goes on."""

    def __init__(self, where: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._where = where
        self._clock = clock
        self._told: dict[str, float] = {}

    def attempt(self, work: Work) -> bool:
        """Call `work` and tell what it raises; return whether it has raised nothing."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end the thread
            self.tell(error)
            return False
        return True

    def tell(self, error: Exception) -> None:
        failure, now = describe_failure(error), self._clock()
        self._told = {each: at for each, at in self._told.items() if now - at < FORGET}
        if failure not in self._told:
            _log.error("%s failed: %s", self._where, failure)
        self._told[failure] = now


def describe_failure(error: Exception) -> str:
    """Return what was raised and where, without the values of variables: keys may be among them.

    Only the text of an OSError's code and of our own errors is known to hold none.
    """
    text = type(error).__name__
    if isinstance(error, KernelError):
        text += f": {error}"
    elif isinstance(error, OSError) and error.strerror:
        text += f": {error.strerror}"
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    return f"{text} ({' > '.join(places)})" if places else text


class GuardedThread:
    """A daemon thread that does its work once, and tells what it raises."""

    def __init__(self, work: Work, name: str) -> None:
        self._work = work
        self._failures = Failures(name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait for the end; of one that was not started there is nothing to wait for."""
        if self._thread.ident is not None:
            self._thread.join()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        self._failures.attempt(self._work)


class LoopThread:
    """A daemon thread that takes one turn after another until its end; a turn waits by itself.

    `last`: called in the thread after the last turn, whether that failed or not.
    """

    def __init__(self, turn: Work, name: str, *, last: Work = lambda: None) -> None:
        self._turn = turn
        self._last = last
        self._failures = Failures(name)
        self._ended = threading.Event()
        self._thread = GuardedThread(self._run, name)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Take no turn after the one under way, which whoever calls has to wake if it waits."""
        self._ended.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        while True:
            succeeded = self._failures.attempt(self._turn)
            if self._ended.wait(0.0 if succeeded else PAUSE):
                break
        self._last()
