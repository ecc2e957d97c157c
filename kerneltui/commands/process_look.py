"""ProcessLook: what the processes of kernels use, at one moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil

from kerneltui.fleet.inspection.memory import memory_of
from kerneltui.fleet.inspection.usage import STOPPED_STATUSES
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.tree import children_of_all, descendants


@frozen
class ProcessFacts:
    """What a look at a process tells; of one that is gone, nothing."""

    pid: int | None = None
    is_stopped: bool = False
    memory: int | None = None
    cpu_time: float | None = None
    started_at: float | None = None


class ProcessLook:
    """One look at processes; at each but once."""

    def __init__(self, kernels: Iterable[ProcessIdentity | None]) -> None:
        self._children = children_of_all()
        self._roots = frozenset(each.pid for each in kernels if each is not None)
        self._seen: dict[ProcessIdentity, ProcessFacts] = {}

    def at(self, identity: ProcessIdentity | None) -> ProcessFacts:
        if identity is None:
            return ProcessFacts()
        if identity not in self._seen:
            self._seen[identity] = self._look(identity)
        return self._seen[identity]

    def _look(self, identity: ProcessIdentity) -> ProcessFacts:
        try:
            process = psutil.Process(identity.pid)
            if not identity.is_alive():
                return ProcessFacts()
            memory, cpu_time = self._usage(process)
            is_stopped = process.status() in STOPPED_STATUSES
            return ProcessFacts(identity.pid, is_stopped, memory, cpu_time, process.create_time())
        except psutil.Error:  # it ended meanwhile
            return ProcessFacts()

    def _usage(self, process: psutil.Process) -> tuple[int, float]:
        """Return memory and processor time of a tree; a kernel below has figures of its own."""
        resident, cpu_time = {}, 0.0
        below = descendants(process.pid, self._children, without=self._roots)
        for pid in (process.pid, *(each.pid for each in below)):
            with contextlib.suppress(psutil.Error):
                each = psutil.Process(pid)
                times = each.cpu_times()
                resident[pid] = each.memory_info().rss
                cpu_time += times.user + times.system
        return memory_of(resident), cpu_time
