"""PeriodicThread: a thread that looks at this host again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kerneltui.kernels.processes.guarded_thread import Failures, GuardedThread, Work

INTERVAL = 1.0  # seconds between two turns


class PeriodicThread:
    """Takes its looks in turn, at once and after each pause; one that fails stops no other."""

    def __init__(
        self, name: str, doing: str, *looks: Work, pause: Callable[[], float] | None = None
    ) -> None:
        """`doing`: words for the looks, for the message that one has failed.

        `pause`: returns, after each turn, how many seconds to wait; without it, INTERVAL.
        """
        self._pause = pause or (lambda: INTERVAL)
        self._looks = looks
        self._failures = Failures(doing)
        self._ended = threading.Event()
        self._wanted = threading.Event()
        """Set if the next turn is to be taken without a pause."""
        self._turned = threading.Condition()
        self._begun = self._over = 0
        """How many turns have begun, and which one was over last."""
        self._thread = GuardedThread(self._run, name)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Take no turn after the one under way, and do not wait for that one."""
        self._ended.set()
        self._wanted.set()

    def hurry(self) -> None:
        """Take the next turn at once, after the one under way; do not wait for it."""
        self._wanted.set()

    @property
    def has_ended(self) -> bool:
        """It was told to take no more turns."""
        return self._ended.is_set()

    def stop(self) -> None:
        """End, and wait for the turn under way."""
        self.end()
        self._thread.join()

    def take_turn(self, timeout: float) -> None:
        """Have a turn taken at once, and wait for its end, at most so many seconds."""
        with self._turned:
            due = self._begun + 1
            self._wanted.set()
            self._turned.wait_for(lambda: self._over >= due, timeout)

    def look(self) -> None:
        """Take one turn, in the caller's thread."""
        for look in self._looks:
            self._failures.attempt(look)

    def _run(self) -> None:
        while True:
            self._wanted.clear()  # before the check: `end` sets both
            if self.has_ended:
                return
            with self._turned:
                self._begun += 1
            self.look()
            with self._turned:
                self._over = self._begun
                self._turned.notify_all()
            self._wanted.wait(self._pause())
