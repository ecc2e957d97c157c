"""ProcessWatcher: one thread that notices at once when any kernel of this process exits."""

from __future__ import annotations

import functools
import os
import select
import threading
import time
from collections.abc import Callable

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.guarded_thread import Failures, LoopThread
from kerneltui.kernels.processes.process import KernelProcess

HOUSEKEEPING = 10.0  # seconds between two looks at each kernel's log


@frozen
class _Watch:
    process: KernelProcess
    on_exit: Callable[[], None]
    on_tick: Callable[[], None]


class ProcessWatcher:
    """Reaps kernels and calls back. Its thread lives while there is something to watch.

    Callbacks run in that thread: they must be short. If one raises, that is logged, and the
    watching goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[int, _Watch] = {}
        self._wake_reader, self._wake_writer = os.pipe()
        self._due = 0.0
        """The instant of the next look at the logs."""
        self._thread: LoopThread | None = None
        self._failures = Failures("a callback of the kernel watcher")

    def watch(
        self, process: KernelProcess, on_exit: Callable[[], None], on_tick: Callable[[], None]
    ) -> None:
        """Call `on_exit` once, when `process` is gone and reaped, and `on_tick` until then."""
        with self._lock:
            if self._thread is None:
                thread = LoopThread(self._turn, "kernel-watcher")
                thread.start()  # fails if there are too many threads
                self._thread = thread
            self._watches[process.fileno()] = _Watch(process, on_exit, on_tick)
        os.write(self._wake_writer, b".")

    # -- runs in the kernel-watcher thread ----

    def _turn(self) -> None:
        watches = self._next_watches()
        if not watches:
            return
        poller = select.poll()
        for fd in (self._wake_reader, *watches):
            poller.register(fd, select.POLLIN)
        left = max(0.0, self._due - time.monotonic())
        ready = {fd for fd, _ in poller.poll(left * 1000)}
        if self._wake_reader in ready:
            os.read(self._wake_reader, 4096)
        for fd in ready & watches.keys():
            self._finish(watches[fd])
        if time.monotonic() >= self._due:  # also if exits keep coming meanwhile
            self._due = time.monotonic() + HOUSEKEEPING
            for fd in watches.keys() - ready:
                self._failures.attempt(watches[fd].on_tick)

    def _next_watches(self) -> dict[int, _Watch]:
        with self._lock:
            if not self._watches and self._thread is not None:
                self._thread.end()
                self._thread = None
            return dict(self._watches)

    def _finish(self, watch: _Watch) -> None:
        watch.process.wait()
        with self._lock:
            if self._watches.get(watch.process.fileno()) is watch:
                del self._watches[watch.process.fileno()]
        self._failures.attempt(watch.on_exit)


@functools.cache
def _watcher_of(_pid: int) -> ProcessWatcher:
    return ProcessWatcher()


def process_watcher() -> ProcessWatcher:
    """Return the watcher of this process; a forked child gets its own."""
    return _watcher_of(os.getpid())
