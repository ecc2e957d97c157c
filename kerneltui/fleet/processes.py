"""Which processes of this user name a connection file in their arguments.

A look lists the pids that there are and reads the arguments of those that are new; a young
one is read again, as a shell may yet become the kernel that it was told to start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil
from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.fleet.connection_files import connection_folders

YOUNG = 10.0  # seconds of life
MOST_FILES = 8  # that the arguments of a kernel may name beside its own
_NO_KERNEL = ("--existing",)  # what names a file to attach to the kernel that has it


@dataclass(frozen=True, slots=True)
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
        self._young: dict[int, float] = {}
        """When those were born that are to be read again."""

    def look(self) -> Mapping[Path, tuple[Named, ...]]:
        """Return the processes by the file that they name."""
        pids = set(psutil.pids())
        for gone in self._known.keys() - pids:
            del self._known[gone]
            self._young.pop(gone, None)
        for pid in (pids - self._known.keys()) | self._young.keys():
            self._read(pid)
        found: dict[Path, tuple[Named, ...]] = {}
        for each in self._known.values():
            for named in each:
                found[named.file] = (*found.get(named.file, ()), named)
        return found

    def _read(self, pid: int) -> None:
        self._known[pid] = ()
        self._young.pop(pid, None)
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                if process.uids().real != os.getuid():
                    return
                born_at = process.create_time()
                files = dict.fromkeys(islice(_files(process), MOST_FILES))
                self._known[pid] = tuple(
                    Named(pid, process.ppid(), file, born_at)
                    for file in files
                    if _is_at_home(process, file)
                )
                if not files and time.time() - born_at < YOUNG:
                    self._young[pid] = born_at
        except (psutil.Error, OSError, RuntimeError):
            # Gone meanwhile, not ours to look into, no path at all, or one that leads in a ring.
            return


def _is_at_home(process: psutil.Process, file: Path) -> bool:
    """Tell whether a process belongs to this user's set-up; a test or a sandbox has its own."""
    if file.parent in connection_folders():
        return True
    try:
        home = process.environ().get("HOME")
    except psutil.Error:
        return True
    return home in (None, os.environ.get("HOME"))


def _files(process: psutil.Process) -> Iterator[Path]:
    """Yield the files that may be the connection file of this process."""
    arguments = process.cmdline()
    if any(argument.startswith(_NO_KERNEL) for argument in arguments):
        return
    for argument in arguments:
        word = argument.rpartition("=")[2]
        if word.endswith(".json"):
            path = Path(word)
            if not path.is_absolute():
                near = Path(process.cwd(), word)
                path = near if near.exists() else Path(jupyter_runtime_dir(), word)
            yield path.resolve()
