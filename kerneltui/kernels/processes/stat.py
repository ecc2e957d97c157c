"""ProcessStat: facts about a process from one read, cheap enough for all processes."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ZOMBIES = ("Z", "X")
_MICROSECONDS = 1e6
_LONGEST = 4096  # bytes of a stat


class ProcessStat(NamedTuple):
    parent: int
    session: int
    """The pid of the process that began its session."""
    start_ticks: int
    """Clock ticks since boot; microseconds since the epoch on a system without /proc."""
    state: str
    """The letter that ps(1) shows for it."""
    cpu_time: float = 0.0
    """Seconds since its start."""

    @property
    def is_zombie(self) -> bool:
        return self.state in ZOMBIES


def read_stat(pid: int) -> ProcessStat | None:
    """Return the facts about the process with `pid`; None if there is none."""
    try:
        return parse_stat(_read(f"/proc/{pid}/stat"))
    except FileNotFoundError:
        return None if has_proc() else read_by_psutil(pid)
    except (ProcessLookupError, PermissionError):
        return None


def has_runnable_thread(pid: int) -> bool:
    """Tell whether a thread of a process runs, or would if a processor were free."""
    for folder in _threads(pid):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if parse_stat(_read(f"{folder}/stat")).state == "R":
                return True
    return False


def has_threads(pid: int) -> bool:
    """Tell whether a process is known to have more than one thread."""
    return len(_threads(pid)) > 1


def _threads(pid: int) -> list[str]:
    try:
        return [each.path for each in os.scandir(f"/proc/{pid}/task")]
    except OSError:
        return []


def read_text(pid: int) -> bytes:
    """Return the text of /proc/PID/stat; b"" if it cannot be read."""
    try:
        return _read(f"/proc/{pid}/stat")
    except OSError:
        return b""


def parse_stat(text: bytes) -> ProcessStat:
    """Return the facts in the text of /proc/PID/stat, see proc(5)."""
    # The command's name stands in parentheses and may hold anything, so count from its end.
    fields = text[text.rindex(b")") + 2 :].split(None, 20)
    return ProcessStat(
        parent=int(fields[1]),
        session=int(fields[3]),
        start_ticks=int(fields[19]),
        state=fields[0].decode("ascii", "replace"),
        cpu_time=(int(fields[11]) + int(fields[12])) / ticks_per_second(),
    )


def read_resident(pid: int) -> int:
    """Return the resident bytes of a process; 0 if they cannot be read.

    Its stat tells them, too, but from a count that may be off by megabytes for each CPU.
    """
    try:
        statm = _read(f"/proc/{pid}/statm")
    except OSError:
        return 0 if has_proc() else _resident_by_psutil(pid)
    return int(statm.split(None, 2)[1]) * _page_size()


def all_pids() -> Iterator[int]:
    """Yield the pids of all processes that are visible."""
    if has_proc():
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
        return
    import psutil

    yield from psutil.pids()


def _read(path: str) -> bytes:
    """Read a short file of /proc, without buffers, as this is done for each process."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, _LONGEST)
    finally:
        os.close(file)


def has_proc() -> bool:
    return Path("/proc/self/stat").exists()


@functools.cache
def ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")


@functools.cache
def _page_size() -> int:
    return os.sysconf("SC_PAGE_SIZE")


def read_by_psutil(pid: int) -> ProcessStat | None:
    """Do as `read_stat`, on a system without /proc."""
    import psutil  # takes 66 ms to load, before the first paint; not needed if there is /proc

    letters = {
        psutil.STATUS_RUNNING: "R",
        psutil.STATUS_STOPPED: "T",
        psutil.STATUS_ZOMBIE: "Z",
    }
    try:
        process = psutil.Process(pid)
        start = int(process.create_time() * _MICROSECONDS)
        state = letters.get(process.status(), "S")
        stat = ProcessStat(process.ppid(), _session_of(pid), start, state)
        times = process.cpu_times()
    except psutil.ZombieProcess:
        return stat._replace(state="Z")
    except psutil.AccessDenied:  # another user's process: this is all that we need
        return stat
    except psutil.Error:
        return None
    return stat._replace(cpu_time=times.user + times.system)


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:  # not allowed for another user's process
        return 0


def _resident_by_psutil(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
