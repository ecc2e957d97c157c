"""ProcessSample: state and CPU time of one process, or of all, at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.stat import ZOMBIES, ProcessStat, read_stat
from kerneltui.kernels.processes.stat_table import look_at_stats
from kerneltui.kernels.processes.tree import Children

BUSY_CPU = 0.06  # of a core: more than one clock tick in ps's window, which may be housekeeping

_STATES = {
    "R": ProcessState.RUNNING,
    "D": ProcessState.DISK,
    "T": ProcessState.STOPPED,
    "t": ProcessState.STOPPED,
    **dict.fromkeys(ZOMBIES, ProcessState.ZOMBIE),
}
"""All other letters mean that it sleeps."""


class ProcessSample(NamedTuple):
    """Of a zombie only the state is known."""

    state: ProcessState
    cpu_time: float = 0.0
    """Seconds since its start."""

    @property
    def is_zombie(self) -> bool:
        return self.state is ProcessState.ZOMBIE


class AllProcesses(NamedTuple):
    """All processes of this host, read in one pass."""

    samples: Mapping[int, tuple[ProcessIdentity, ProcessSample]]
    """By pid."""
    children: Children


def uses_cpu(load: float) -> bool:
    """Tell whether a process computes, by its use of a core."""
    return load >= BUSY_CPU


def look_at(pid: int) -> ProcessSample | None:
    """Return a sample of a process; None if it has ended meanwhile."""
    stat = read_stat(pid)
    return None if stat is None else _sample(stat)


def look_at_all() -> AllProcesses:
    samples = {}
    children: defaultdict[int, list[ProcessIdentity]] = defaultdict(list)
    for pid, reading in look_at_stats().items():
        samples[pid] = (reading.identity, _sample(reading.stat))
        children[reading.stat.parent].append(reading.identity)
    return AllProcesses(samples, children)


def _sample(stat: ProcessStat) -> ProcessSample:
    state = _STATES.get(stat.state, ProcessState.SLEEPING)
    if state is ProcessState.ZOMBIE:
        return ProcessSample(state)
    return ProcessSample(state, stat.cpu_time)
