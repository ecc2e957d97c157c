"""ProcessStat: what the system tells of a process in one read, cheap enough for all of them."""

from __future__ import annotations

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
    """Clock ticks since boot; microseconds since the epoch where there is no /proc."""
    state: str
    """The letter by which ps(1) calls it."""
    cpu_time: float = 0.0
    """Seconds since its start."""

    @property
    def is_zombie(self) -> bool:
        return self.state in ZOMBIES


def read_stat(pid: int) -> ProcessStat | None:
    """Return what is known of the process that has `pid`; None if there is none."""
    try:
        return parse_stat(_read(f"/proc/{pid}/stat"))
    except FileNotFoundError:
        return None if has_proc() else read_by_psutil(pid)
    except (ProcessLookupError, PermissionError):
        return None


def read_text(pid: int) -> bytes:
    """Return the text of /proc/PID/stat; b"" if that is not to be had."""
    try:
        return _read(f"/proc/{pid}/stat")
    except OSError:
        return b""


def parse_stat(text: bytes) -> ProcessStat:
    """Return what the text of /proc/PID/stat tells, see proc(5)."""
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
    """Return the bytes of a process that are resident; 0 if that is not to be seen.

    Its stat tells them too, but as of a count that may be off by megabytes for each CPU.
    """
    try:
        statm = _read(f"/proc/{pid}/statm")
    except OSError:
        return 0 if has_proc() else _resident_by_psutil(pid)
    return int(statm.split(None, 2)[1]) * _page_size()


def all_pids() -> Iterator[int]:
    """Yield the pids of all processes that are to be seen."""
    if has_proc():
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
        return
    import psutil

    yield from psutil.pids()


def _read(path: str) -> bytes:
    """Read what the system makes up for a short read; no buffers, as all processes are read so."""
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
    """Return the same if there is no /proc."""
    import psutil  # 66 ms that a system with /proc is spared before the first paint

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
    except psutil.AccessDenied:  # of somebody else's we need no more
        return stat
    except psutil.Error:
        return None
    return stat._replace(cpu_time=times.user + times.system)


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:  # of somebody else's it may not be told
        return 0


def _resident_by_psutil(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
