"""Discovery: finds this host's kernels that other programs have started, and asks none of them.

A look costs little while nothing changes: it lists files and pids, and keeps what is known. It
looks at the sockets of all processes only if a file or a process is new.
"""

from __future__ import annotations

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import psutil

from kerneltui.fleet.discovery.connection_files import ConnectionFile, ConnectionFiles
from kerneltui.fleet.discovery.forks import Leftovers
from kerneltui.fleet.discovery.found import Found, Host, Known, resolve
from kerneltui.fleet.discovery.kernel_commands import kernel_commands, runs_kernel
from kerneltui.fleet.discovery.processes import Named, Processes, start_folders
from kerneltui.fleet.manifests.mounts import is_shared
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Parent, is_server_command
from kerneltui.fleet.servers.jupyter_server import is_here
from kerneltui.kernels.connection.ipc import with_full_ip
from kerneltui.kernels.connection.listeners import listeners, places_held
from kerneltui.kernels.processes.identity import ProcessIdentity, identify_with_parent
from kerneltui.kernels.processes.tree import ancestors, parent_of
from kerneltui.path_checks import is_gone

Program = tuple[str, list[str]]
"""The name and the arguments of a process."""

FILE_GONE = "its connection file is gone"
FIRST_RETRY, LAST_RETRY = 1.0, 60.0  # seconds until unproven kernels are looked at again
WRAPPERS = 3  # processes between a server and its kernel


class Discovery:
    """Used by one thread."""

    def __init__(self) -> None:
        self._files = ConnectionFiles()
        self._processes = Processes()
        self._basis: tuple[object, ...] = ()
        """The input from which the present findings were made."""
        self._found: tuple[Found, ...] = ()
        self._leftovers = Leftovers()
        self._retry = FIRST_RETRY
        self._due = 0.0

    def look(self, known: Known) -> tuple[Found, ...]:
        """Return this host's kernels that are not kerneltui's: living ones first, then mere files.

        It is the same tuple until something changes.
        """
        named = self._processes.look()
        files = self._files.look(named)
        relevant = {path: each for path, each in named.items() if _is_file(path, files)}
        basis = (files, relevant, known)
        now = time.monotonic()
        has_changed = basis != self._basis or any(_has_ended(each) for each in self._found)
        if has_changed:
            self._retry = FIRST_RETRY
        elif now < self._due or all(_is_settled(each) for each in self._found):
            return self._found
        else:
            self._retry = min(self._retry * 2, LAST_RETRY)
        self._due = now + self._retry
        self._basis = basis
        found = self._leftovers.marked(_resolve_all(files, named, known, self._found))
        if found != self._found:
            self._found = found
        return self._found


def _resolve_all(
    files: Mapping[Path, ConnectionFile],
    named: Mapping[Path, tuple[Named, ...]],
    known: Known,
    before: Iterable[Found],
) -> tuple[Found, ...]:
    """`before`: the last look's result; a living kernel in it stays when its file is gone."""
    theirs = [file for path, file in files.items() if str(path) not in known.ours]
    bereft = {each.connection_file: each for each in before if _has_lost_its_file(each)}
    gone = [path for path in named if path not in files and is_gone(path)]
    lost = [path for path in gone if path not in bereft and str(path) not in known.ours]
    if not theirs and not bereft and not lost:
        return ()
    program, commands = functools.cache(_program), functools.cache(kernel_commands)
    host = Host(
        name=os.uname().nodename,
        files=files,
        named=named,
        listeners=listeners(),
        known=known,
        now=time.time(),
        identify=partial(_identify, known, program),
        parent=parent_of,
        holds=functools.cache(places_held),
        cwd=_cwd,
        name_of=lambda pid: program(pid)[0],
        runs_kernel=lambda pid: runs_kernel(program(pid)[1], commands()),
        is_here=is_here,
        is_shared=is_shared,
        is_apart=_is_apart,
    )
    resolved = [
        *(_with_full_ip(resolve(file, host)) for file in theirs),
        *(replace(each, is_file_gone=True, why=FILE_GONE) for each in bereft.values()),
        *_without_files(lost, host),
    ]
    found = sorted(_without_doubles(resolved), key=_order)
    return tuple(_with_ids_of_their_own(found))


def _with_full_ip(found: Found) -> Found:
    """Return a kernel with the full path of its ipc sockets."""
    if found.info is None or found.info.transport != "ipc":
        return found
    started_in = start_folders(found.identity.pid) if found.identity else ()
    folders = (*started_in, found.connection_file.parent)
    return replace(found, info=with_full_ip(found.info, folders))


def _is_file(path: Path, files: Collection[Path]) -> bool:
    """Tell whether a named path is a connection file, or is gone and may have been one."""
    return path in files or is_gone(path)


def _has_lost_its_file(found: Found) -> bool:
    is_proven = found.identity is not None and not found.is_guess and not found.is_leftover
    return is_proven and not _has_died(found) and is_gone(found.connection_file)


def _without_files(paths: Iterable[Path], host: Host) -> Iterator[Found]:
    """Yield the kernels whose arguments name a file that is gone; their ports are unknown."""
    for path in paths:
        found = resolve(ConnectionFile(path, None, 0.0), host)
        if found.identity is not None and not found.is_guess:
            yield replace(found, is_file_gone=True, why=FILE_GONE)


def _order(found: Found) -> tuple[bool, int]:
    """Return a sort key: living kernels first, in the order of their start."""
    return found.identity is None, found.identity.start_ticks if found.identity else 0


def _with_ids_of_their_own(found: Iterable[Found]) -> Iterator[Found]:
    """Number the ids of files with the same name in several folders; the first stays as it is."""
    seen: Counter[str] = Counter()
    for each in found:
        seen[each.kernel_id] += 1
        count = seen[each.kernel_id]
        yield each if count == 1 else replace(each, kernel_id=f"{each.kernel_id}-{count}")


def _without_doubles(found: list[Found]) -> list[Found]:
    """Drop a file whose process is proven to serve another file."""
    proven = {each.identity for each in found if each.liveness is Liveness.VERIFIED}
    return [
        each
        for each in found
        if each.liveness is not Liveness.FOUND
        or each.identity is None
        or each.identity not in proven
    ]


def _is_settled(found: Found) -> bool:
    return found.liveness is Liveness.VERIFIED


def _has_ended(found: Found) -> bool:
    """Tell whether a kernel's process has ended, or its parent process has."""
    if found.identity is None:
        return False
    now = identify_with_parent(found.identity.pid)
    return _has_died(found) or (now is not None and now[0] != found.parent_pid)


def _has_died(found: Found) -> bool:
    return found.identity is not None and not found.identity.is_alive()


def _identify(
    known: Known, program: Callable[[int], Program], pid: int, wrappers: Collection[int]
) -> tuple[Parent, ProcessIdentity] | None:
    """Return the starter and the identity of a process; None if it has ended, reaped or not.

    `wrappers`: processes that were told to run the kernel and have a child do it. A server that
    has not told yet which kernels are its own may have started every kernel among its descendants.
    """
    found = identify_with_parent(pid)
    if found is None or not found[1].is_alive():
        return None
    above = list(islice(ancestors(pid), WRAPPERS + 1)) or [found[0]]
    last = max((place for place, each in enumerate(above) if each in wrappers), default=-1)
    starter = above[last + 1] if last + 1 < len(above) else above[-1]
    servers = [
        each for each in above if each in known.servers or is_server_command(program(each)[1])
    ]
    name, arguments = program(starter)
    if starter in servers:
        return Parent(starter, name, " ".join(arguments), is_server=True), found[1]
    for each in servers:
        if each not in known.listing:
            return Parent(each, is_server=True), found[1]
    return Parent(starter, name, " ".join(arguments)), found[1]


def _program(pid: int) -> Program:
    """Return the name and the arguments of a process; empty ones if they may not be read."""
    try:
        process = psutil.Process(pid)
        return process.name(), process.cmdline()
    except psutil.Error:
        return "", []


def _cwd(pid: int) -> str:
    try:
        return psutil.Process(pid).cwd()
    except psutil.Error:
        return ""


def _is_apart(pid: int) -> bool:
    try:
        theirs, ours = (Path("/proc", who, "ns", "net").readlink() for who in (str(pid), "self"))
    except OSError:
        return False
    return theirs != ours
