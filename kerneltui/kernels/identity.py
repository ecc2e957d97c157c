"""ProcessIdentity: which process is meant, and whether it still runs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path


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
        found = _read_start(self.pid)
        return found == (self.start_ticks, True) and boot_id() == self.boot_id


def identify(pid: int) -> ProcessIdentity | None:
    """Return who now has `pid`, a zombie included; None if nobody has."""
    found = _read_start(pid)
    return None if found is None else ProcessIdentity(pid, found[0], boot_id())


@functools.cache
def boot_id() -> str:
    """Return what tells this boot of this host from every other."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import psutil

        return str(int(psutil.boot_time()))


def _read_start(pid: int) -> tuple[int, bool] | None:
    """Return when a process started and whether it runs, as a zombie does not; None if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _read_start_by_psutil(pid)
    except (ProcessLookupError, PermissionError):
        return None
    # The command's name stands in parentheses and may hold anything, so count from its end.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return int(fields[19]), fields[0] not in (b"Z", b"X")


def _read_start_by_psutil(pid: int) -> tuple[int, bool] | None:
    import psutil  # 66 ms that a system with /proc is spared before the first paint

    try:
        process = psutil.Process(pid)
        return int(process.create_time() * 1e6), process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
