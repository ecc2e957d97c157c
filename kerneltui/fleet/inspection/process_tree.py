"""ProcessTree: the processes of one kernel, looked at when somebody wants to see them."""

from __future__ import annotations

import psutil

from kerneltui.fleet.model.masking import mask_arguments
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.process import outside_group
from kerneltui.kernels.processes.tree import children_of_all, walk
from kerneltui.protocol.text import clean_line, shorten

COMMAND_WIDTH = 200  # characters
PATH_WIDTH = 400  # characters
FILES_NAMED = 50  # of one process


@frozen
class ProcessFacts:
    """One process of a tree, as it was at one moment."""

    pid: int
    depth: int
    """0 for the kernel itself, 1 for its children."""
    command: str
    """Its command line, clean and without passwords; its name where that may not be read."""
    state: str
    cpu: float | None
    """CPU seconds used per second since the last look; None at the first."""
    rss: int
    """Resident bytes."""
    threads: int
    files: int | None
    """Open descriptors; None where they may not be counted."""
    escaped: bool
    """It has left the kernel's process group: signals to the kernel do not reach it."""
    paths: tuple[str, ...] = ()
    """Clean paths of open regular files, the first FILES_NAMED of them; none where not allowed."""


class ProcessTree:
    """Remembers the CPU times of its last look. Blocking; for short threads, one at a time."""

    def __init__(self) -> None:
        self._cpu_times: dict[ProcessIdentity, float] = {}
        self._looked_at = 0.0

    def look(self, pid: int, now: float) -> tuple[ProcessFacts, ...]:
        """Return the process `pid` and its descendants, each behind its parent; () if it is gone.

        `now`: an instant of a clock that only this tree is measured by.
        """
        before, self._cpu_times = self._cpu_times, {}
        elapsed, self._looked_at = now - self._looked_at, now
        root = identify(pid)
        if root is None:
            return ()
        below = tuple(walk(pid, children_of_all()))
        escaped = outside_group(pid, [process for process, _ in below])
        return tuple(
            facts
            for process, depth in ((root, 0), *below)
            if (facts := self._facts(process, depth, before, elapsed, process in escaped))
        )

    def _facts(
        self,
        identity: ProcessIdentity,
        depth: int,
        before: dict[ProcessIdentity, float],
        elapsed: float,
        escaped: bool,
    ) -> ProcessFacts | None:
        try:
            process = psutil.Process(identity.pid)
            with process.oneshot():
                times = process.cpu_times()
                used = self._cpu_times[identity] = times.user + times.system
                known = identity in before and elapsed > 0
                return ProcessFacts(
                    pid=process.pid,
                    depth=depth,
                    command=_command(process),
                    state=process.status(),
                    cpu=round(max(0.0, (used - before[identity]) / elapsed), 2) if known else None,
                    rss=process.memory_info().rss,
                    threads=process.num_threads(),
                    files=_files(process),
                    escaped=escaped,
                    paths=_paths(process),
                )
        except psutil.Error:  # it ended meanwhile
            return None


def _command(process: psutil.Process) -> str:
    try:
        argv = process.cmdline()
    except psutil.AccessDenied:
        argv = []
    return clean_line(" ".join(mask_arguments(argv)) or process.name(), COMMAND_WIDTH)


def _paths(process: psutil.Process) -> tuple[str, ...]:
    try:
        paths = sorted({each.path for each in process.open_files()})
    except psutil.AccessDenied:
        return ()
    return tuple(clean_line(path, PATH_WIDTH) for path in shorten(paths, FILES_NAMED))


def _files(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.AccessDenied:
        return None
