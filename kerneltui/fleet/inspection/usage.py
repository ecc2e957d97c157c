"""What the process trees of kernels use, sampled by one thread with one look at all processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.diagnosis.death import NEAR
from kerneltui.fleet.inspection.history import HistoryRecorder, SlopeMeter
from kerneltui.fleet.inspection.host_usage import HostUsage, look_at_host
from kerneltui.fleet.inspection.memory import memory_of
from kerneltui.fleet.inspection.memory_group import memory_group
from kerneltui.fleet.inspection.process_sample import BUSY_CPU, look_at
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.tree import Children, children_of_all, descendants

_CPU_DIGITS = 2  # hundredths of a core: what a clock tick is, and what a cell shows
_RSS_STEP = 1 << 20  # bytes
_SHARED_INTERVAL = 10.0  # seconds between two looks at what the processes of a tree share
RECENT = 8  # samples
_RECENT_DIGITS = 1  # tenths of a core, rounded: what an idle tree uses is none


_MEMORY_DIGITS = -6  # megabytes: a history is drawn in eight steps

_LASTING = (ProcessState.DISK, ProcessState.STOPPED)


class _Shared(NamedTuple):
    """What the processes of a tree take together, as it was once."""

    memory: int
    measured_at: float


class _Histories:
    """What is remembered of one kernel's tree."""

    def __init__(self) -> None:
        self.cpu = HistoryRecorder(_RECENT_DIGITS)
        self.memory = HistoryRecorder(_MEMORY_DIGITS)
        self.slope = SlopeMeter()


class UsageSampler:
    """Publishes the usage of each kernel's tree, by kernel id."""

    def __init__(
        self, pids: Callable[[], Mapping[str, int]], on_change: Callable[[], None]
    ) -> None:
        self.usage: Mapping[str, Usage] = {}
        """Rebound, never changed: any thread may read it."""
        self.host: HostUsage | None = None
        """None before the first look; rebound as well."""
        self._limit = memory_group(os.getpid()).limit()
        self._pids = pids
        self._on_change = on_change
        self._cpu_times: dict[ProcessIdentity, float] = {}
        self._shared: dict[str, _Shared] = {}
        self._histories: dict[str, _Histories] = {}
        self._sampled_at = time.monotonic()
        self._thread = PeriodicThread("usage", "sampling what kernels use", self._look)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    # -- runs in the usage thread ----

    def _look(self) -> None:
        usage, self.host = self.sample(time.monotonic()), look_at_host()
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
        for known in (self._shared, self._histories):
            for gone in known.keys() - pids.keys():
                del known[gone]
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
        seen = {each: facts for each in tree if (facts := look_at(each.pid))}
        living = {each: facts for each, facts in seen.items() if not facts.is_zombie}
        self._cpu_times.update((each, facts.cpu_time) for each, facts in living.items())
        loads = [
            (facts.cpu_time - before.get(each, facts.cpu_time)) / elapsed
            for each, facts in living.items()
        ]
        load = max(0.0, sum(loads))
        cpu, state = round(load, _CPU_DIGITS), next(iter(seen.values())).state if seen else None
        resident = {each.pid: facts.resident for each, facts in living.items()}
        memory = self._memory(kernel_id, resident)
        usage = Usage(
            cpu=cpu,
            rss=memory // _RSS_STEP * _RSS_STEP,
            processes=len(living),
            recent=(*self._recent(kernel_id)[1:], round(cpu, _RECENT_DIGITS)),
            zombies=len(seen) - len(living),
            process=state,
            process_since=self._process_since(kernel_id, state),
            quiet_since=self._quiet_since(kernel_id) if living and load < BUSY_CPU else None,
            children_busy=sum(loads[1:]) >= BUSY_CPU,
            near_limit=self._limit is not None and memory >= NEAR * self._limit,
        )
        return self._with_history(kernel_id, usage)

    def _with_history(self, kernel_id: str, usage: Usage) -> Usage:
        """Remember what a tree uses; of one that is gone nothing is kept."""
        if not usage.processes:
            self._histories.pop(kernel_id, None)
            return usage
        known, now = self._histories.setdefault(kernel_id, _Histories()), self._sampled_at
        return replace(
            usage,
            cpu_history=known.cpu.add(now, usage.cpu),
            memory_history=known.memory.add(now, usage.rss),
            growth=known.slope.add(now, usage.rss),
        )

    def _process_since(self, kernel_id: str, state: ProcessState | None) -> float | None:
        """Return since when a process is in a state that lasts: how long it is stopped already
        at the first look, nobody knows."""
        if state not in _LASTING:
            return None
        before = self.usage.get(kernel_id)
        if before is None:
            return None if state is ProcessState.STOPPED else self._sampled_at
        return before.process_since if before.process is state else self._sampled_at

    def _quiet_since(self, kernel_id: str) -> float:
        before = self.usage.get(kernel_id)
        known = before.quiet_since if before is not None else None
        return self._sampled_at if known is None else known

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
