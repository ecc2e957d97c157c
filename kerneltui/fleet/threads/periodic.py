"""PeriodicThread: one thread that looks at what others do on this host, again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kerneltui.kernels.processes.guarded_thread import Failures, LoopThread

INTERVAL = 1.0  # seconds between two looks


class PeriodicThread:
    """Calls `looks` in turn, at once and then each second; one that fails stops no other."""

    def __init__(self, looks: Sequence[Callable[[], None]]) -> None:
        self._looks = looks
        self._failures = Failures("looking at this host's kernels")
        self._thread = LoopThread(self.look, "discovery", interval=INTERVAL)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.end()
        self._thread.join()

    def look(self) -> None:
        """Take one turn."""
        for look in self._looks:
            self._failures.attempt(look)
