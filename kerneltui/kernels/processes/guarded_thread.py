"""Threads that log their errors and go on."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from kerneltui.errors import KernelError

FORGET = 60.0  # seconds without a failure after which the same one is logged again
PAUSE = 1.0  # seconds at least after a failed turn, so that failures make no busy loop
PLACES = 4  # of a traceback, the innermost ones

Work = Callable[[], object]

_log = logging.getLogger(__name__)


class Failures:
    """Logs the errors of one thread; a failure that goes on is logged once."""

    def __init__(self, where: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._where = where
        self._clock = clock
        self._told: dict[str, float] = {}

    def attempt(self, work: Work) -> bool:
        """Call `work` and log what it raises; return whether it raised nothing."""
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


def describe_failure(error: BaseException) -> str:
    """Return the kind and place of an error, without the values of variables.

    Keys may be among those values. The error's text is included only for our own errors and for the
    code of an OSError: these texts hold no keys.
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
    """A daemon thread that does its work once, and logs what it raises."""

    def __init__(self, work: Work, name: str) -> None:
        self._work = work
        self._failures = Failures(name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, at most so many seconds; return at once if it was not started."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        self._failures.attempt(self._work)


class LoopThread:
    """A daemon thread that calls `turn` again and again until its end; `turn` itself has to wait.

    `last`: called in the thread after the last turn, also if that failed.
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
        """Take no turn after the present one. If that waits, the caller has to wake it."""
        self._ended.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        while True:
            succeeded = self._failures.attempt(self._turn)
            if self._ended.wait(0.0 if succeeded else PAUSE):
                break
        self._last()
