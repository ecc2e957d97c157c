"""Leftovers: forks of a kernel that still have its sockets after the kernel has ended."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.inspection.process_sample import look_at
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.kernels.connection.listeners import listens
from kerneltui.kernels.connection.presence import speaking
from kerneltui.kernels.processes.identity import ProcessIdentity

_Key = tuple[Path, ProcessIdentity]


class Leftovers:
    """Tells leftovers from kernels: a leftover does not answer with a zmq greeting.

    A greeting is not a message, so a Jupyter server does not count it. Used by one thread.
    """

    def __init__(self) -> None:
        self._serving: set[_Key] = set()
        """The kernels that have answered."""
        self._silent: set[_Key] = set()
        """Those that have not, when they were asked last."""

    def marked(self, found: Iterable[Found]) -> tuple[Found, ...]:
        """Return what was found, with the leftovers in it marked."""
        found = tuple(found)
        suspects = {key: each.info for each in found if (key := self._suspected(each)) is not None}
        asked = {key: info for key, info in suspects.items() if info is not None}
        spoke = speaking(asked)
        known = spoke | self._silent
        # A kernel may have stood still, so its first silence proves nothing.
        spoke |= speaking({key: info for key, info in asked.items() if key not in known})
        self._serving = {*(self._serving & {_key(each) for each in found}), *spoke}
        self._silent = silent = asked.keys() - spoke
        return tuple(_leftover(each) if _key(each) in silent else each for each in found)

    def _suspected(self, found: Found) -> _Key | None:
        """Return the key of a process that may be only a fork of a kernel; None for others."""
        key = _key(found)
        if key is None or key in self._serving or found.is_guess:
            return None
        return key if _may_be_forked(found, key[1]) else None


def _key(found: Found) -> _Key | None:
    is_of_place = found.info is not None and found.identity is not None
    return (found.connection_file, found.identity) if is_of_place and found.identity else None


def _may_be_forked(found: Found, process: ProcessIdentity) -> bool:
    """Tell whether a process that has a kernel's sockets may be a fork of it.

    A kernel usually leads a session and has an owner. A stopped process cannot answer, so its
    silence proves nothing.
    """
    try:
        is_leader = os.getsid(process.pid) == process.pid
    except OSError:
        return False
    seen = look_at(process.pid)
    is_stopped = seen is not None and seen.state is ProcessState.STOPPED
    if is_stopped or (is_leader and found.origin is not Origin.ORPHAN):
        return False
    return found.info is not None and listens(process.pid, found.info)


def _leftover(found: Found) -> Found:
    pid = found.identity.pid if found.identity else "-"
    why = f"the kernel has ended; pid {pid}, which it forked, still has its sockets"
    return replace(found, liveness=Liveness.SILENT, is_leftover=True, why=why)
