"""The process behind a kernel: who it is, whether it lives, how it is signalled."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that no later one can be mistaken for."""

    pid: int
    start_ticks: int
    """Raw start time since boot, in clock ticks (field 22 of /proc/PID/stat; microseconds since
    the epoch where there is no /proc): it never moves, as a wall clock's time would."""
    boot_id: str

    def is_alive(self) -> bool:
        """Tell whether this very process still runs; a zombie does not."""
        return _start_ticks(self.pid) == self.start_ticks and boot_id() == self.boot_id


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process that now has `pid`; None when there is none."""
    ticks = _start_ticks(pid)
    return None if ticks is None else ProcessIdentity(pid, ticks, boot_id())


@functools.cache
def boot_id() -> str:
    """Return what tells this boot of this host from every other."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(int(psutil.boot_time()))


def _start_ticks(pid: int) -> int | None:
    """Return when the process started, None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _start_microseconds(pid)
    except (ProcessLookupError, PermissionError):
        return None
    # The command's name stands in parentheses and may hold anything, so count from its end.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _start_microseconds(pid: int) -> int | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return int(process.create_time() * 1e6)
    except psutil.Error:
        return None
