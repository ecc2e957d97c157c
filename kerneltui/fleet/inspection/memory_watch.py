"""MemoryWatch: keeps the latest memory use of each kernel, in case it ends."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kerneltui.fleet.diagnosis.death import NO_MEMORY, MemoryAtEnd
from kerneltui.fleet.inspection.memory_group import MemoryGroup, memory_group
from kerneltui.fleet.model.snapshot import Usage

SAMPLES = 10
EVERY = 1.0  # seconds between two samples


@dataclass(slots=True)
class _Watched:
    pid: int
    group: MemoryGroup
    limit: int | None
    killed_before: int
    """OOM kills in its group before it was first seen."""
    samples: deque[int] = field(default_factory=lambda: deque(maxlen=SAMPLES))


class MemoryWatch:
    """`look` is for one thread; `at_end` is for any."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._due = 0.0

    def look(
        self, pids: Mapping[str, int], usage: Mapping[str, Usage], tracked: Collection[str]
    ) -> None:
        """Take note of the memory of living kernels. Everything is by kernel id.

        `tracked`: the ids of all kernels, some of which may just have ended; others are forgotten.
        """
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY
        self._forget_others(tracked)
        for kernel_id, pid in pids.items():
            watched = self._watched.get(kernel_id)
            if watched is None or watched.pid != pid:
                watched = _begin(pid)
                with self._lock:
                    self._watched[kernel_id] = watched
            if (used := usage.get(kernel_id)) is not None:
                watched.samples.append(used.rss)

    def at_end(self, kernel_id: str, pid: int) -> MemoryAtEnd:
        """Return the memory use of a kernel before its process `pid` ended."""
        with self._lock:
            watched = self._watched.get(kernel_id)
        if watched is None or watched.pid != pid:
            return NO_MEMORY
        killed = max(0, watched.group.oom_kills() - watched.killed_before)
        return MemoryAtEnd(tuple(watched.samples), watched.limit, killed)

    def _forget_others(self, tracked: Collection[str]) -> None:
        with self._lock:
            for kernel_id in self._watched.keys() - set(tracked):
                del self._watched[kernel_id]


def _begin(pid: int) -> _Watched:
    group = memory_group(pid)
    return _Watched(pid, group, group.limit(), group.oom_kills())
