"""UsageSampler: one thread that samples what the process trees of all kernels use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.diagnosis.death import NEAR
from kerneltui.fleet.inspection.close_look import CloseLook, Seen
from kerneltui.fleet.inspection.history import HistoryRecorder, SlopeMeter
from kerneltui.fleet.inspection.host_usage import HostUsage, look_at_host
from kerneltui.fleet.inspection.memory import memory_of
from kerneltui.fleet.inspection.memory_group import memory_group
from kerneltui.fleet.inspection.process_sample import (
    AllProcesses,
    ProcessSample,
    look_at_all,
    uses_cpu,
)
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.threads import periodic
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.stat import read_resident
from kerneltui.kernels.processes.tree import walk
from kerneltui.kernels.templates.parentage import is_forked
from kerneltui.words import CPU_NOISE

_CPU_DIGITS = 2  # hundredths of a core: about a clock tick, and as much as a table cell shows
_RSS_STEP = 1 << 20  # bytes
_SHARED_INTERVAL = 10.0  # seconds between two looks at the shared memory of one tree's processes
_SHARED_BUDGET = 0.05  # CPU seconds of one look that may be spent on it
SHARE = 0.03  # of a core that looks may take: if one takes longer, there are fewer
SLOWEST = 10.0  # seconds between two looks, however long one takes
RECENT = 8  # samples
_RECENT_DIGITS = 1  # tenths of a core, rounded: an idle tree then uses none


_MEMORY_DIGITS = -6  # megabytes are exact enough: a history is drawn in eight steps

_LASTING = (ProcessState.DISK, ProcessState.STOPPED)


class _Shared(NamedTuple):
    """The memory that the processes of a tree took together when it was measured."""

    memory: int
    largest: int
    """The resident bytes of the largest process then."""
    measured_at: float


class _Histories:
    """What is remembered about one kernel's tree."""

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
        self._budget_ends = 0.0
        """The CPU time of this thread at which this look stops measuring shared memory."""
        self.period = periodic.INTERVAL
        """Seconds between two looks."""
        self.detailed = ""
        """The id of the kernel that is looked at closely; any thread may set it."""
        self._close_look = CloseLook()
        self._thread = PeriodicThread(
            "usage", "sampling what kernels use", self._look, pause=lambda: self.period
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def take_turn(self, timeout: float) -> None:
        """Take a sample at once, and wait for it, at most so many seconds."""
        self._thread.take_turn(timeout)

    # -- runs in the usage thread ----

    def _look(self) -> None:
        begun = time.thread_time()
        usage, self.host = self.sample(time.monotonic()), look_at_host(self.host, self.period)
        if usage != self.usage:
            self.usage = usage
            self._on_change()
        self.period = period_for(time.thread_time() - begun)

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
        self._budget_ends = time.thread_time() + _SHARED_BUDGET
        all_processes, roots = look_at_all(), frozenset(pids.values())
        return {
            kernel_id: self._measure(
                kernel_id, _tree(pids[kernel_id], all_processes, roots), before, elapsed
            )
            for kernel_id in sorted(pids, key=self._shared_at)
        }

    def _recent(self, kernel_id: str, cpu: float) -> tuple[float, ...]:
        usage = self.usage.get(kernel_id)
        before = usage.recent if usage else (0.0,) * RECENT
        return (*before[1:], round(cpu, _RECENT_DIGITS))

    def _histories_of(self, kernel_id: str) -> _Histories:
        known = self._histories.get(kernel_id)
        if known is None:
            known = self._histories[kernel_id] = _Histories()
        return known

    def _shared_at(self, kernel_id: str) -> float:
        """Return when a tree's memory was measured: those that wait longest come first."""
        shared = self._shared.get(kernel_id)
        return 0.0 if shared is None else shared.measured_at

    def _measure(
        self,
        kernel_id: str,
        seen: Mapping[ProcessIdentity, ProcessSample],
        before: Mapping[ProcessIdentity, float],
        elapsed: float,
    ) -> Usage:
        living = {each: facts for each, facts in seen.items() if not facts.is_zombie}
        self._cpu_times.update((each, facts.cpu_time) for each, facts in living.items())
        loads = [
            (facts.cpu_time - before.get(each, facts.cpu_time)) / elapsed
            for each, facts in living.items()
        ]
        load = max(0.0, sum(loads))
        cpu, state = told(load), next(iter(seen.values())).state if seen else None
        memory = self._memory(kernel_id, list(living))
        if not living:
            self._histories.pop(kernel_id, None)
            return Usage(cpu, 0, 0, self._recent(kernel_id, cpu), len(seen), state)
        known, now = self._histories_of(kernel_id), self._sampled_at
        shown = memory // _RSS_STEP * _RSS_STEP
        is_detailed = kernel_id == self.detailed
        close = self._close_look.look(kernel_id, living, now, elapsed) if is_detailed else Seen()
        return Usage(
            cpu=cpu,
            rss=shown,
            processes=len(living),
            recent=self._recent(kernel_id, cpu),
            zombies=len(seen) - len(living),
            process=state,
            process_since=self._process_since(kernel_id, state),
            process_seen_since=self._process_seen_since(kernel_id, state),
            quiet_since=self._quiet_since(kernel_id) if not uses_cpu(load) else None,
            children_busy=uses_cpu(sum(loads[1:])),
            near_limit=self._limit is not None and memory >= NEAR * self._limit,
            cpu_history=known.cpu.add(now, cpu),
            memory_history=known.memory.add(now, shown),
            growth=known.slope.add(now, shown),
            pss=None if close.pss is None else close.pss // _RSS_STEP * _RSS_STEP,
            read=close.read,
            written=close.written,
        )

    def _process_since(self, kernel_id: str, state: ProcessState | None) -> float | None:
        """Return since when a process has been in a state that lasts; None if unknown, as for one
        that is stopped at the first look."""
        if state not in _LASTING:
            return None
        before = self.usage.get(kernel_id)
        if before is None:
            return None if state is ProcessState.STOPPED else self._sampled_at
        return before.process_since if before.process is state else self._sampled_at

    def _process_seen_since(self, kernel_id: str, state: ProcessState | None) -> float | None:
        if state not in _LASTING:
            return None
        before = self.usage.get(kernel_id)
        is_known = before is not None and before.process is state
        return before.process_seen_since if before is not None and is_known else self._sampled_at

    def _quiet_since(self, kernel_id: str) -> float:
        before = self.usage.get(kernel_id)
        known = before.quiet_since if before is not None else None
        return self._sampled_at if known is None else known

    def _memory(self, kernel_id: str, tree: Sequence[ProcessIdentity]) -> int:
        """Return the bytes that a tree takes.

        Of several processes it is the latest measurement, but not less than the largest takes now;
        of a kernel that was forked from a template it is that, and what it has taken since.
        """
        pids = [each.pid for each in tree]
        largest = max(map(read_resident, pids), default=0)
        has_forked = bool(tree) and is_forked(tree[0])
        if len(pids) <= 1 and not has_forked:
            self._shared.pop(kernel_id, None)
            return largest
        shared, has_time = self._shared.get(kernel_id), time.thread_time() < self._budget_ends
        is_due = shared is None or self._sampled_at - shared.measured_at >= _SHARED_INTERVAL
        if is_due and has_time:
            memory = memory_of(pids, is_forked=has_forked)
            shared = self._shared[kernel_id] = _Shared(memory, largest, self._sampled_at)
        if shared is None:
            return largest
        if has_forked:
            return max(0, shared.memory + largest - shared.largest)
        return max(largest, shared.memory)


def told(load: float) -> float:
    """Return a load in hundredths of a core; 0 for the few clock ticks that an idle kernel uses."""
    return 0.0 if load < CPU_NOISE else round(load, _CPU_DIGITS)


def period_for(cost: float) -> float:
    """Return the seconds between two looks if one takes `cost` CPU seconds."""
    return min(SLOWEST, max(periodic.INTERVAL, cost / SHARE))


def _tree(
    pid: int, processes: AllProcesses, roots: Container[int]
) -> dict[ProcessIdentity, ProcessSample]:
    """Return the process and its descendants, without other `roots` and their descendants."""
    if pid not in processes.samples:
        return {}
    below = (each.pid for each, _ in walk(pid, processes.children, roots))
    return dict(processes.samples[each] for each in (pid, *below))
