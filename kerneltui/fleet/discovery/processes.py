"""Which processes of this user name a connection file in their arguments.

A look lists the pids that there are and reads the arguments of those that are new, and of
those that have become another program: a shell may yet become the kernel it is to start.
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
from kerneltui.paths import runtime_folder

YOUNG = 10.0  # seconds of life in which a process may be about to become the one that is meant
PASS = 1.0  # seconds: of what is older than that it is enough to hear once in so long
SUFFIX = ".json"  # of connection files
MOST_FILES = 8  # that the arguments of a kernel may name beside its own
_NO_KERNEL = ("--existing",)  # what names a file to attach to the kernel that has it


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
        """Of which it is known that they are of these programs."""
        self._young: dict[int, float] = {}
        """When those were read that may soon be another program; instants of `time.monotonic()`."""

    def look(self) -> Mapping[Path, tuple[Named, ...]]:
        """Return the processes by the file that they name."""
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
        """Yield those that have become another program."""
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
        program = _program(read_text(pid))  # first: what comes between is seen at the next look
        if program and _names_nothing(pid):
            self._remember(pid, program)
            return
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                if process.uids().real != os.getuid():
                    return
                born_at = process.create_time()
                files = dict.fromkeys(islice(_files(process), MOST_FILES))
                if program or (not files and time.time() - born_at < YOUNG):
                    self._remember(pid, program)
                self._known[pid] = tuple(
                    Named(pid, process.ppid(), file, born_at)
                    for file in files
                    if _is_at_home(process, file)
                )
        except (psutil.Error, OSError, RuntimeError):
            # Gone meanwhile, not ours to look into, no path at all, or one that leads in a ring.
            return

    def _remember(self, pid: int, program: bytes) -> None:
        """Take note of what a process runs, and read it again while it is young."""
        self._young[pid] = time.monotonic()
        if program:
            self._programs[pid] = program


def _names_nothing(pid: int) -> bool:
    """Tell whether no argument of a process can be a file of ours: so it is with most."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:  # noqa: PTH123 - for each new one
            return SUFFIX.encode() not in file.read()
    except OSError:
        return False


def _program(text: bytes) -> bytes:
    """Return what changes when a process becomes another program; b"" if that is not told.

    That is its name and where its code and its arguments lie; see proc(5), /proc/PID/stat.
    Its arguments themselves could change as well, but a process may be stuck so that who reads
    them waits with it.
    """
    name, _, rest = text.rpartition(b")")
    fields = rest.split()  # from the third on
    return b" ".join((name, fields[19], *fields[23:26], *fields[45:49])) if text else b""


def _is_at_home(process: psutil.Process, file: Path) -> bool:
    """Tell whether a process belongs to this user's set-up; a test or a sandbox has its own."""
    if file.parent in connection_folders():
        return True
    try:
        environment = process.environ()
    except psutil.AccessDenied:
        return True
    has_ended = not environment and not process.cmdline()  # it had arguments: they name a file
    return not has_ended and environment.get("HOME") in (None, os.environ.get("HOME"))


def _files(process: psutil.Process) -> Iterator[Path]:
    """Yield the files that may be the connection file of this process."""
    arguments = process.cmdline()
    if any(argument.startswith(_NO_KERNEL) for argument in arguments):
        return
    for argument in arguments:
        word = argument.rpartition("=")[2]
        if word.endswith(SUFFIX):
            yield from (path.resolve() for path in _meant(Path(word), process))


def _meant(path: Path, process: psutil.Process) -> Iterable[Path]:
    """Return the file that a path means to a process; all that it may, where none is there yet."""
    if path.is_absolute():
        return (path,)
    may_be = [folder / path for folder in (*start_folders(process.pid), runtime_folder())]
    return [each for each in may_be if each.exists()][:1] or may_be


def start_folders(pid: int) -> tuple[Path, ...]:
    """Return in which folders a process may have been started, the likeliest first.

    Its relative paths are of that one, and it may have left it.
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
    lambda process: process.environ().get("PWD", ""),  # as of the shell that started it
    lambda process: psutil.Process(process.ppid()).cwd(),
)
