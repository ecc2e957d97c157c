"""Discovery: looks at this host for kernels that something else has started. Asks nobody.

A look costs little while nothing changes: files and pids are listed, and what is known is
kept. Only where a file or a process is new are the sockets of all processes looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

import psutil

from kerneltui.fleet.connection_files import ConnectionFile, ConnectionFiles
from kerneltui.fleet.found import Found, Host, Known, resolve
from kerneltui.fleet.listeners import listeners
from kerneltui.fleet.origin import Parent, is_server_command
from kerneltui.fleet.processes import Named, Processes
from kerneltui.fleet.shared_folders import is_shared
from kerneltui.fleet.standing import Standing
from kerneltui.kernels.identity import ProcessIdentity, identify_with_parent

FIRST_RETRY, LAST_RETRY = 1.0, 60.0  # seconds until what is not proven is looked at again
WRAPPERS = 3  # processes between a server and its kernel


class Discovery:
    """Used by one thread."""

    def __init__(self) -> None:
        self._files = ConnectionFiles()
        self._processes = Processes()
        self._basis: tuple[object, ...] = ()
        """What the present findings were made of."""
        self._found: tuple[Found, ...] = ()
        self._retry = FIRST_RETRY
        self._due = 0.0

    def look(self, known: Known) -> tuple[Found, ...]:
        """Return the kernels that are not kerneltui's on this host: living ones, then files.

        The same tuple until something changes.
        """
        named = self._processes.look()
        files = self._files.look(named)
        files = {path: file for path, file in files.items() if str(path) not in known.ours}
        relevant = {path: each for path, each in named.items() if _is_among(path, files)}
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
        found = _resolve_all(files, named, known)
        if found != self._found:
            self._found = found
        return self._found


def _resolve_all(
    files: Mapping[Path, ConnectionFile],
    named: Mapping[Path, tuple[Named, ...]],
    known: Known,
) -> tuple[Found, ...]:
    if not files:
        return ()
    host = Host(
        name=os.uname().nodename,
        files=files,
        named=named,
        listeners=listeners(),
        known=known,
        now=time.time(),
        identify=partial(_identify, known.servers),
        cwd=_cwd,
        is_shared=is_shared,
        is_apart=_is_apart,
    )
    found = [resolve(file, host) for file in files.values()]
    return tuple(sorted(_without_doubles(found), key=_order))


def _order(found: Found) -> tuple[bool, int]:
    """Return what puts living kernels first, in the order of their start."""
    return found.identity is None, found.identity.start_ticks if found.identity else 0


def _without_doubles(found: list[Found]) -> list[Found]:
    """Drop a file that names the process of another one that is proven to be its."""
    proven = {each.identity for each in found if each.standing is Standing.VERIFIED}
    return [
        each
        for each in found
        if each.standing is not Standing.FOUND
        or each.identity is None
        or each.identity not in proven
    ]


def _is_among(path: Path, files: Mapping[Path, ConnectionFile]) -> bool:
    return path in files or any(path == each.resolve() for each in files if each.name == path.name)


def _is_settled(found: Found) -> bool:
    return found.standing is Standing.VERIFIED


def _has_ended(found: Found) -> bool:
    return found.identity is not None and not found.identity.is_alive()


def _identify(
    servers: Collection[int], pid: int, wrappers: Collection[int]
) -> tuple[Parent, ProcessIdentity] | None:
    """Return who started a process, and who it is; None where it has ended, reaped or not.

    `wrappers`: processes that were told to run a kernel and have another one do it.
    """
    found = identify_with_parent(pid)
    if found is None or not found[1].is_alive():
        return None
    parent, identity = found
    starter = above = parent
    for _ in range(WRAPPERS if wrappers else 0):
        who = identify_with_parent(above)
        if who is None:
            break
        if above in wrappers:
            starter = who[0]
        above = who[0]
    return _describe(starter, servers), identity


def _describe(starter: int, servers: Collection[int]) -> Parent:
    try:
        process = psutil.Process(starter)
        name, command = process.name(), " ".join(process.cmdline())
    except psutil.Error:
        return Parent(starter, is_server=starter in servers)
    return Parent(starter, name, command, starter in servers or is_server_command(command))


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
