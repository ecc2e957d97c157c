"""Parent and child processes: one scan of all of them, shared by concurrent callers."""

from __future__ import annotations

import functools
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kerneltui.kernels.processes.identity import (
    ProcessIdentity,
    identify,
    identify_with_parent,
    identity_of,
)
from kerneltui.kernels.processes.stat import all_pids, read_stat

Children = Mapping[int, Sequence[ProcessIdentity]]
"""Processes by their parent's pid."""


class Families(NamedTuple):
    """All processes of one scan, by their parents and by their sessions."""

    children: Children
    sessions: Mapping[int, Sequence[ProcessIdentity]]
    """Processes by the pid of the one that began their session."""


class SharedLook:
    """Scans all processes no more often than needed.

    Each caller gets a scan that began after the call. Callers that come while a scan is under way
    share the next one. So twenty kernels that are killed at once cost two scans.
    """

    def __init__(self, look: Callable[[], Families]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._begun = 0
        self._latest = (0, Families({}, {}))

    def families(self) -> Families:
        asked = self._begun
        with self._lock:
            number, families = self._latest
            if number <= asked:
                self._begun = number + 1
                families = self._look()
                self._latest = (self._begun, families)
            return families


def children_of_all() -> Children:
    """Scan all processes, for a caller that needs the descendants of many."""
    return _families().children


def descendants(
    pid: int, children: Children | None = None, without: Container[int] = ()
) -> tuple[ProcessIdentity, ...]:
    """Return the descendants of a process; those of a parent that is gone are not found.

    `children`: of all processes, if the caller has just scanned them. `without`: pids that are left
    out, with their own descendants.
    """
    children = children_of_all() if children is None else children
    return tuple(process for process, _ in walk(pid, children, without))


def walk(
    pid: int, children: Children, without: Container[int] = ()
) -> Iterator[tuple[ProcessIdentity, int]]:
    """Yield the descendants of a process, each after its parent, the oldest child first.

    Each comes with its depth, which is 1 for a child of the process. `without`: as for
    `descendants`.
    """
    seen = {pid}  # a pid that was used again during the scan can make a ring
    waiting = [(child, 1) for child in _youngest_first(children.get(pid, ()))]
    while waiting:
        process, depth = waiting.pop()
        if process.pid not in seen and process.pid not in without:
            seen.add(process.pid)
            yield process, depth
            below = _youngest_first(children.get(process.pid, ()))
            waiting.extend((child, depth + 1) for child in below)


def _youngest_first(processes: Iterable[ProcessIdentity]) -> list[ProcessIdentity]:
    return sorted(processes, key=lambda each: (each.start_ticks, each.pid), reverse=True)


def parent_of(pid: int) -> int | None:
    """Return the parent's pid; None if there is none, or it is not visible."""
    found = identify_with_parent(pid)
    return found[0] if found and found[0] > 0 else None


def ancestors(pid: int) -> Iterator[int]:
    """Yield the parent's pid, and those above it."""
    while (parent := parent_of(pid)) is not None:
        yield parent
        pid = parent


def relatives(process: ProcessIdentity) -> tuple[ProcessIdentity, ...]:
    """Return the descendants of a process, and the rest of its session once it has ended."""
    families = _families()
    below = descendants(process.pid, families.children) if process.is_alive() else ()
    return tuple(dict.fromkeys((*below, *_session_members(process, families))))


def _session_members(leader: ProcessIdentity, families: Families) -> Iterable[ProcessIdentity]:
    """Return the other processes of the session that `leader` began.

    They stay members when the leader ends, but are not its children any more.
    """
    now = identify(leader.pid)
    if now is not None and now != leader:  # the pid was used again, so no member was left
        return ()
    members = families.sessions.get(leader.pid, ())
    return (each for each in members if each != leader and each.is_alive())


def _families() -> Families:
    return _look_of(os.getpid()).families()


def _look_at_all() -> Families:
    children: defaultdict[int, list[ProcessIdentity]] = defaultdict(list)
    sessions: defaultdict[int, list[ProcessIdentity]] = defaultdict(list)
    for pid in all_pids():
        if stat := read_stat(pid):
            process = identity_of(pid, stat)
            children[stat.parent].append(process)
            sessions[stat.session].append(process)
    return Families(children, sessions)


@functools.cache
def _look_of(_pid: int) -> SharedLook:
    """Return the shared look of this process; a forked child gets its own."""
    return SharedLook(_look_at_all)
