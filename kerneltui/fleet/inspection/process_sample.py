"""ProcessSample: one process, as it was at one moment."""

from __future__ import annotations

from typing import NamedTuple

import psutil

from kerneltui.fleet.diagnosis.condition import ProcessState

BUSY_CPU = 0.05  # of a core; housekeeping, and waiting for input, take less

_STATES = {
    psutil.STATUS_RUNNING: ProcessState.RUNNING,
    psutil.STATUS_DISK_SLEEP: ProcessState.DISK,
    psutil.STATUS_STOPPED: ProcessState.STOPPED,
    psutil.STATUS_TRACING_STOP: ProcessState.STOPPED,
    psutil.STATUS_ZOMBIE: ProcessState.ZOMBIE,
    psutil.STATUS_DEAD: ProcessState.ZOMBIE,
}
"""All others sleep."""


class ProcessSample(NamedTuple):
    """Of a zombie only its state is known."""

    state: ProcessState
    cpu_time: float = 0.0
    """Seconds since its start."""
    resident: int = 0
    """Bytes."""

    @property
    def is_zombie(self) -> bool:
        return self.state is ProcessState.ZOMBIE


def look_at(pid: int) -> ProcessSample | None:
    """Return what is seen of a process; None where it has ended meanwhile."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            state = process_state(process)
            if state is ProcessState.ZOMBIE:
                return ProcessSample(state)
            times = process.cpu_times()
            return ProcessSample(state, times.user + times.system, process.memory_info().rss)
    except psutil.Error:
        return None


def process_state(process: psutil.Process) -> ProcessState:
    """Return what the system does with a process. Raises psutil.Error."""
    return _STATES.get(process.status(), ProcessState.SLEEPING)
