"""ProcessTree: the processes of one kernel in detail, looked at when a user wants to see them."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import PurePath

import psutil

from kerneltui.fleet.inspection.counters import Counters, counters_of, rates
from kerneltui.fleet.inspection.gpu import GpuUse
from kerneltui.fleet.inspection.memory import Shares, shares_of
from kerneltui.fleet.model.masking import mask_arguments
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.tree import children_of_all, walk
from kerneltui.protocol.text import clean_line, shorten

COMMAND_WIDTH = 200  # characters
PATH_WIDTH = 400  # characters
FILES_NAMED = 50  # of one process
MEMORY = 10.0  # seconds: over a longer time a mean would hide what is used now


class Left(StrEnum):
    """What a process has left; signals to the kernel's group do not reach it then."""

    NOTHING = ""
    GROUP = "left the group"
    SESSION = "own session"


@frozen
class ProcessFacts:
    """One process of a tree, as it was at one moment."""

    identity: ProcessIdentity
    depth: int
    """0 for the kernel itself, 1 for its children."""
    command: str
    """Its command line, clean and without passwords; its name if that may not be read."""
    state: str
    cpu: float | None
    """CPU seconds used per second since the last look; None at the first."""
    rss: int
    """Resident bytes."""
    threads: int
    files: int | None
    """Open descriptors; None if they may not be counted."""
    age: float | None = None
    """Seconds since its start."""
    has_left: Left = Left.NOTHING
    zombies: int = 0
    """Its children that have ended and that it has not reaped."""
    shares: Shares | None = None
    """Its share of the memory; None if the OS does not tell."""
    read: float | None = None
    written: float | None = None
    """Bytes per second that were read from disks and written to disks since the last look; None
    at the first look, and if the OS does not tell."""
    gpu: GpuUse | None = None
    """What it uses of GPUs; None if the driver tells of none."""
    paths: tuple[str, ...] | None = None
    """Clean paths of open regular files, the first FILES_NAMED; () if they may not be read, None
    if they were not asked for."""

    @property
    def pid(self) -> int:
        return self.identity.pid


class ProcessTree:
    """Remembers the counters of its last look. Blocking; for short threads, one at a time."""

    def __init__(self) -> None:
        self._counters: dict[ProcessIdentity, Counters] = {}
        self._looked_at = 0.0

    def look(
        self,
        roots: Sequence[ProcessIdentity],
        now: float,
        opened: Container[ProcessIdentity] = (),
        gpu: Mapping[int, GpuUse] | None = None,
    ) -> tuple[ProcessFacts, ...]:
        """Return processes and their descendants, each after its parent; () if all are gone.

        `now`: an instant of any one clock. `opened`: the processes
        whose open files are looked up as well. `gpu`: what processes use of GPUs, by pid.
        """
        before, self._counters = self._counters, {}
        elapsed, self._looked_at = now - self._looked_at, now
        if elapsed > MEMORY:
            before = {}
        children = children_of_all()
        rows = [
            (root, identity, depth)
            for root in roots
            for identity, depth in ((root, 0), *walk(root.pid, children))
            if identity.is_alive()
        ]
        return tuple(
            replace(
                facts,
                has_left=_left(root.pid, identity.pid),
                zombies=sum(map(_is_zombie, children.get(identity.pid, ()))),
                paths=_paths(identity.pid) if identity in opened else None,
                gpu=gpu.get(identity.pid) if gpu else None,
            )
            for root, identity, depth in rows
            if (facts := self._facts(identity, depth, before, elapsed))
        )

    def _facts(
        self,
        identity: ProcessIdentity,
        depth: int,
        before: dict[ProcessIdentity, Counters],
        elapsed: float,
    ) -> ProcessFacts | None:
        try:
            process = psutil.Process(identity.pid)
            with process.oneshot():
                used = self._counters[identity] = counters_of(process)
                rate = rates(before.get(identity), used, elapsed)
                return ProcessFacts(
                    identity=identity,
                    depth=depth,
                    command=_command(process),
                    state=process.status(),
                    cpu=rate.cpu,
                    rss=process.memory_info().rss,
                    threads=process.num_threads(),
                    files=_files(process),
                    age=identity.age(),
                    shares=shares_of(identity.pid),
                    read=rate.read,
                    written=rate.written,
                )
        except psutil.Error:  # it ended meanwhile
            return None


def _left(root: int, pid: int) -> Left:
    """Tell whether a process has left the kernel's process group or session."""
    try:
        if os.getpgid(pid) == os.getpgid(root):
            return Left.NOTHING
        return Left.GROUP if os.getsid(pid) == os.getsid(root) else Left.SESSION
    except OSError:  # one of them ended meanwhile, or may not be looked at
        return Left.NOTHING


def _is_zombie(process: ProcessIdentity) -> bool:
    return identify(process.pid) == process and not process.is_alive()


def _command(process: psutil.Process) -> str:
    """Return the command line, with the program's name in place of its path."""
    try:
        argv = process.cmdline()
    except psutil.AccessDenied:
        argv = []
    shown = [PurePath(argv[0]).name or argv[0], *argv[1:]] if argv else []
    return clean_line(" ".join(mask_arguments(shown)) or process.name(), COMMAND_WIDTH)


def _paths(pid: int) -> tuple[str, ...]:
    try:
        paths = sorted({each.path for each in psutil.Process(pid).open_files()})
    except psutil.Error:
        return ()
    return tuple(clean_line(path, PATH_WIDTH) for path in shorten(paths, FILES_NAMED))


def _files(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.AccessDenied:
        return None
