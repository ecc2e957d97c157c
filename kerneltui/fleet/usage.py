"""What the process trees of kernels use, sampled by one thread with one look at all processes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

import psutil

from kerneltui.fleet.snapshot import Usage
from kerneltui.kernels.guarded_thread import LoopThread
from kerneltui.kernels.process import STOPPED_STATUSES

INTERVAL = 1.0  # seconds between two samples
_CPU_DIGITS = 2  # hundredths of a core: what a clock tick is, and what a cell shows
_RSS_STEP = 1 << 20  # bytes
RECENT = 8  # samples
_RECENT_DIGITS = 1  # tenths of a core, rounded: what an idle tree uses is none

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
        self._thread = LoopThread(self._look, "usage", interval=INTERVAL)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.end()
        self._thread.join()

    # -- runs in the usage thread ----

    def _look(self) -> None:
        usage = self.sample(time.monotonic())
        if usage != self.usage:
            self.usage = usage
            self._on_change()

    def sample(self, now: float) -> dict[str, Usage]:
        """Return what the trees use now and have used since the last sample."""
        pids = self._pids()
        before, self._cpu_times = self._cpu_times, {}
        elapsed, self._sampled_at = now - self._sampled_at, now
        if not pids:
            return {}
        children = _children()
        return {
            kernel_id: self._measure(_tree(pid, children), before, elapsed, self._recent(kernel_id))
            for kernel_id, pid in pids.items()
        }

    def _recent(self, kernel_id: str) -> tuple[float, ...]:
        usage = self.usage.get(kernel_id)
        return usage.recent if usage else (0.0,) * RECENT

    def _measure(
        self,
        tree: Iterable[psutil.Process],
        before: Mapping[psutil.Process, float],
        elapsed: float,
        recent: tuple[float, ...],
    ) -> Usage:
        used, rss, count = 0.0, 0, 0
        is_stopped = False
        for process in tree:
            try:
                with process.oneshot():
                    status = process.status()
                    if status == psutil.STATUS_ZOMBIE:
                        continue
                    times = process.cpu_times()
                    rss += process.memory_info().rss
            except psutil.Error:  # it ended meanwhile
                continue
            is_stopped |= count == 0 and status in STOPPED_STATUSES  # the kernel's own comes first
            count += 1
            self._cpu_times[process] = times.user + times.system
            used += self._cpu_times[process] - before.get(process, self._cpu_times[process])
        cpu = round(max(0.0, used / elapsed), _CPU_DIGITS)
        recent = (*recent[1:], round(cpu, _RECENT_DIGITS))
        return Usage(cpu, rss // _RSS_STEP * _RSS_STEP, count, recent, is_stopped)


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
        found = [psutil.Process(pid)]
    except psutil.Error:
        return
    seen = set()
    while found:
        process = found.pop()
        # A pid that was used anew while all were read can make a ring of them.
        if process.pid not in seen:
            seen.add(process.pid)
            yield process
            found.extend(children.get(process.pid, ()))
