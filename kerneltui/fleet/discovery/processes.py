"""Processes: finds this user's processes that name a connection file in their arguments.

A look lists all pids. It reads the arguments of new processes, and of those that have become
another program since: a shell may become the kernel that it was told to start, by exec.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import psutil

from kerneltui.frozen import frozen
from kerneltui.kernels.connection.folders import connection_folders
from kerneltui.kernels.processes.stat import all_pids, read_text
from kerneltui.kernels.processes.stat_table import Reading, look_at_stats
from kerneltui.path_checks import is_there
from kerneltui.paths import runtime_folder

YOUNG = 10.0  # seconds after its start in which a process may soon become another program
PASS = 1.0  # seconds between two looks at which programs the older processes run
SUFFIX = ".json"  # of connection files
MOST_FILES = 8  # of one process; a kernel's arguments may name other files, too
_NO_KERNEL = ("--existing",)  # options of clients: they name the file of a kernel that runs already


@frozen
class Named:
    """A process whose arguments name a connection file."""

    pid: int
    parent: int
    file: Path
    born_at: float
    """Seconds since the epoch."""


class Processes:
    """Used by one thread."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Named, ...]] = {}
        self._programs: dict[int, bytes] = {}
        """What each process of this user runs, as `_program` tells it."""
        self._readings: dict[int, Reading] = {}
        """The latest readings that showed these programs."""
        self._young: dict[int, float] = {}
        """When each young process was read: it may soon change. Instants of `time.monotonic()`."""

    def look(self) -> Mapping[Path, tuple[Named, ...]]:
        """Return the processes, by the connection file that they name."""
        pids, now = set(all_pids()), time.monotonic()
        for gone in self._known.keys() - pids:
            self._forget(gone)
            del self._known[gone]
        untold = self._young.keys() - self._programs.keys()
        self._young = {pid: read for pid, read in self._young.items() if now - read < YOUNG}
        for pid in (pids - self._known.keys()) | untold | set(self._changed()):
            self._forget(pid)
            self._read(pid)
        found: dict[Path, tuple[Named, ...]] = {}
        for each in self._known.values():
            for named in each:
                found[named.file] = (*found.get(named.file, ()), named)
        return found

    def _changed(self) -> Iterator[int]:
        """Yield the pids of processes that have become another program."""
        readings = look_at_stats(PASS) if self._programs else {}
        for pid, known in self._programs.items():
            reading = readings.get(pid)
            if reading is None or pid in self._young:
                if _program(read_text(pid)) != known:
                    yield pid
            elif reading is not self._readings.get(pid):
                self._readings[pid] = reading
                if _program(reading.text) != known:
                    yield pid

    def _forget(self, pid: int) -> None:
        self._known[pid] = ()
        self._programs.pop(pid, None)
        self._readings.pop(pid, None)
        self._young.pop(pid, None)

    def _read(self, pid: int) -> None:
        stat = read_text(pid)  # read first: a later change is seen at the next look
        program = _program(stat)
        if program and _names_nothing(pid):
            self._remember(pid, program)
            return
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                if process.uids().real != os.getuid():
                    return
                born_at = process.create_time()
                files = dict.fromkeys(_files(process, stat))
                if program or (not files and time.time() - born_at < YOUNG):
                    self._remember(pid, program)
                self._known[pid] = tuple(
                    Named(pid, process.ppid(), file, born_at) for file in files
                )
        except (psutil.Error, OSError, RuntimeError):
            # It has ended, may not be looked into, or names an invalid path or a symlink loop.
            return

    def _remember(self, pid: int, program: bytes) -> None:
        """Take note of what a process runs, and read it again while it is young."""
        self._young[pid] = time.monotonic()
        if program:
            self._programs[pid] = program


def _names_nothing(pid: int) -> bool:
    """Tell whether no argument of a process can be a connection file, as with most processes."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:  # noqa: PTH123 - for each new one
            return SUFFIX.encode() not in file.read()
    except OSError:
        return False


def _program(text: bytes) -> bytes:
    """Return the part of /proc/PID/stat that an exec changes; b"" if there is no such text.

    These fields are the name, and the addresses of code and arguments; see proc(5). The arguments
    themselves are not compared: if a process is stuck, a read of its arguments may hang as well.
    """
    name, _, rest = text.rpartition(b")")
    fields = rest.split()  # they begin with the third field
    return b" ".join((name, fields[19], *fields[23:26], *fields[45:49])) if text else b""


def _files(process: psutil.Process, stat: bytes) -> Iterator[Path]:
    """Yield the files that may be the connection file of this process, and concern this user.

    `stat`: the text of /proc/PID/stat before anything else was read.
    """
    arguments = process.cmdline()
    if any(argument.startswith(_NO_KERNEL) for argument in arguments):
        return
    words = (argument.rpartition("=")[2] for argument in arguments)
    paths = [*islice((Path(word) for word in words if word.endswith(SUFFIX)), MOST_FILES)]
    is_at_home = bool(paths) and _is_at_home(process, stat)
    for path in paths:
        if is_at_home:
            yield from (each.resolve() for each in _meant(path, process))
        elif path.is_absolute() and (file := path.resolve()).parent in connection_folders():
            yield file


def _is_at_home(process: psutil.Process, stat: bytes) -> bool:
    """Tell whether a process has this user's HOME; a test or a sandbox has one of its own."""
    try:
        environment = process.environ()
    except psutil.AccessDenied:
        return True
    if not environment and not _has_been_one_program(process, since=stat):
        return False
    return environment.get("HOME") in (None, os.environ.get("HOME"))


def _has_been_one_program(process: psutil.Process, since: bytes) -> bool:
    """Tell whether an exec was over when `since` was read, and none has begun since, nor an end.

    While an exec goes on the arguments are known before the environment; the bounds of the code
    are noted last. The next look sees that the stat has changed.
    """
    if not since:  # a system without /proc
        return bool(process.cmdline())
    end_of_code = since.rpartition(b")")[2].split()[24]
    return end_of_code != b"0" and _program(read_text(process.pid)) == _program(since)


def _meant(path: Path, process: psutil.Process) -> Iterable[Path]:
    """Return the file that a process means by a path; all candidates if none exists yet."""
    if path.is_absolute():
        return (path,)
    may_be = [folder / path for folder in (*start_folders(process.pid), runtime_folder())]
    return [each for each in may_be if is_there(each)][:1] or may_be


def start_folders(pid: int) -> tuple[Path, ...]:
    """Return the folders in which a process may have been started, the likeliest first.

    The relative paths in its arguments begin there, and it may have changed its folder since.
    """
    found: list[str] = []
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for tell in _START_FOLDERS:
            with contextlib.suppress(psutil.Error):
                found.append(tell(process))
    return tuple(dict.fromkeys(Path(each) for each in found if Path(each).is_absolute()))


_START_FOLDERS: tuple[Callable[[psutil.Process], str], ...] = (
    lambda process: process.cwd(),
    lambda process: process.environ().get("PWD", ""),  # set by the shell that started it
    lambda process: psutil.Process(process.ppid()).cwd(),
)
