"""What the process trees of kernels use, sampled by one thread with one look at all processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple

import psutil

from kerneltui.fleet.inspection.memory import memory_of
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.tree import Children, children_of_all, descendants

_CPU_DIGITS = 2  # hundredths of a core: what a clock tick is, and what a cell shows
_RSS_STEP = 1 << 20  # bytes
_SHARED_INTERVAL = 10.0  # seconds between two looks at what the processes of a tree share
RECENT = 8  # samples
_RECENT_DIGITS = 1  # tenths of a core, rounded: what an idle tree uses is none

STOPPED_STATUSES = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
"""Of a process that does nothing until a SIGCONT, or its debugger, has it go on."""


class _Shared(NamedTuple):
    """What the processes of a tree take together, as it was once."""

    memory: int
    measured_at: float


class UsageSampler:
    """Publishes the usage of each kernel's tree, by kernel id."""

    def __init__(
        self, pids: Callable[[], Mapping[str, int]], on_change: Callable[[], None]
    ) -> None:
        self.usage: Mapping[str, Usage] = {}
        """Rebound, never changed: any thread may read it."""
        self._pids = pids
        self._on_change = on_change
        self._cpu_times: dict[ProcessIdentity, float] = {}
        self._shared: dict[str, _Shared] = {}
        self._sampled_at = time.monotonic()
        self._thread = PeriodicThread("usage", "sampling what kernels use", self._look)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

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
        self._shared = {each: self._shared[each] for each in self._shared.keys() & pids.keys()}
        children, roots = children_of_all(), frozenset(pids.values())
        return {
            kernel_id: self._measure(kernel_id, _tree(pid, children, roots), before, elapsed)
            for kernel_id, pid in pids.items()
        }

    def _recent(self, kernel_id: str) -> tuple[float, ...]:
        usage = self.usage.get(kernel_id)
        return usage.recent if usage else (0.0,) * RECENT

    def _measure(
        self,
        kernel_id: str,
        tree: Iterable[ProcessIdentity],
        before: Mapping[ProcessIdentity, float],
        elapsed: float,
    ) -> Usage:
        used, resident = 0.0, dict[int, int]()
        is_stopped = False
        for identity in tree:
            try:
                process = psutil.Process(identity.pid)
                with process.oneshot():
                    status = process.status()
                    if status == psutil.STATUS_ZOMBIE:
                        continue
                    times = process.cpu_times()
                    rss = process.memory_info().rss
            except psutil.Error:  # it ended meanwhile
                continue
            is_stopped |= not resident and status in STOPPED_STATUSES  # the kernel's comes first
            resident[process.pid] = rss
            self._cpu_times[identity] = now = times.user + times.system
            used += now - before.get(identity, now)
        cpu = round(max(0.0, used / elapsed), _CPU_DIGITS)
        recent = (*self._recent(kernel_id)[1:], round(cpu, _RECENT_DIGITS))
        memory = self._memory(kernel_id, resident) // _RSS_STEP * _RSS_STEP
        return Usage(cpu, memory, len(resident), recent, is_stopped)

    def _memory(self, kernel_id: str, resident: Mapping[int, int]) -> int:
        """Return the bytes that a tree takes, of several processes as of the last look."""
        if len(resident) <= 1:
            self._shared.pop(kernel_id, None)
            return memory_of(resident)
        shared = self._shared.get(kernel_id)
        if shared is None or self._sampled_at - shared.measured_at >= _SHARED_INTERVAL:
            shared = self._shared[kernel_id] = _Shared(memory_of(resident), self._sampled_at)
        return shared.memory


def _tree(pid: int, children: Children, roots: Container[int]) -> tuple[ProcessIdentity, ...]:
    """Return the process and its descendants, without other `roots` and what is below them."""
    root = identify(pid)
    return () if root is None else (root, *descendants(pid, children, without=roots))
