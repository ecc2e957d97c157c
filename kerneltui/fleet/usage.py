"""What the process trees of kernels use, sampled by one thread with one look at all processes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import psutil

from kerneltui.fleet.snapshot import Usage

INTERVAL = 1.0  # seconds between two samples
_QUANTUM = 1 << 20  # bytes: memory that changes by less is told as before

Children = Mapping[int, list[psutil.Process]]


class UsageSampler:
    """Publishes the usage of each kernel's tree, by kernel id."""

    def __init__(
        self, pids: Callable[[], Mapping[str, int]], on_change: Callable[[], None]
    ) -> None:
        self.usage: Mapping[str, Usage] = {}
        """Rebound, never changed: any thread may read it."""
        self._pids = pids
        self._on_change = on_change
        self._cpu_times: dict[psutil.Process, float] = {}
        self._sampled_at = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    # -- runs in the usage thread ----

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            usage = self._sample()
            if usage != self.usage:
                self.usage = usage
                self._on_change()

    def _sample(self) -> dict[str, Usage]:
        pids = self._pids()
        if not pids:
            return {}
        now = time.monotonic()
        elapsed, self._sampled_at = now - self._sampled_at, now
        before, self._cpu_times = self._cpu_times, {}
        children = _children()
        return {
            kernel_id: self._measure(tuple(_tree(pid, children)), before, elapsed)
            for kernel_id, pid in pids.items()
        }

    def _measure(
        self,
        tree: tuple[psutil.Process, ...],
        before: Mapping[psutil.Process, float],
        elapsed: float,
    ) -> Usage:
        used, rss = 0.0, 0
        for process in tree:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    rss += process.memory_info().rss
            except psutil.Error:
                continue
            self._cpu_times[process] = times.user + times.system
            used += self._cpu_times[process] - before.get(process, self._cpu_times[process])
        cpu = max(0.0, used / elapsed)
        return Usage(cpu=round(cpu, 3), rss=rss // _QUANTUM * _QUANTUM, processes=len(tree))


def _children() -> Children:
    """Return all processes by their parent's pid."""
    children: defaultdict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter():
        try:
            children[process.ppid()].append(process)
        except psutil.Error:
            continue
    return children


def _tree(pid: int, children: Children) -> Iterator[psutil.Process]:
    """Yield the process and its descendants."""
    try:
        yield psutil.Process(pid)
    except psutil.Error:
        return
    pending = [pid]
    while pending:
        for child in children.get(pending.pop(), ()):
            yield child
            pending.append(child.pid)
