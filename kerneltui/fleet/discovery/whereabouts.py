"""Whereabouts: asks kernels where they run, if nothing on this host proves their process.

ipykernel replies since 6.13. Each kernel is asked once; a missing reply proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from kerneltui.fleet.discovery.control_poll import ControlPoll, spawns_of
from kerneltui.fleet.discovery.found import Found, KernelLocation
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.message import Message

_Place = tuple[ConnectionInfo | None, int | None]


class Whereabouts:
    """Keeps each reply while the same process listens for the kernel. Used by one thread."""

    def __init__(self) -> None:
        self._poll = ControlPoll[KernelManager]("usage_request")
        self._said: dict[Path, tuple[_Place, KernelLocation | None]] = {}
        """By connection file: the place at which its kernel was asked, and its reply."""

    def look(self, suspects: Iterable[tuple[Found, KernelManager | None]]) -> None:
        """Ask the unproven kernels that may be asked and have not been asked yet.

        `suspects`: kernels, each with the manager for the request; None if it may not be asked.
        """
        unproven = [(found, manager) for found, manager in suspects if found.is_unproven]
        by_manager = {manager: found for found, manager in unproven if manager is not None}
        there = {found.connection_file: _place_of(found) for found, _ in unproven}
        self._said = {
            path: known for path, known in self._said.items() if there.get(path) == known[0]
        }
        unknown = spawns_of(
            manager
            for manager, found in by_manager.items()
            if found.connection_file not in self._said
        )
        for manager, reply in self._poll.look(unknown).items():
            found = by_manager[manager]
            self._said[found.connection_file] = (_place_of(found), location_of(reply))

    @property
    def answered(self) -> Mapping[Path, KernelLocation | None]:
        """By connection file, the replies of kernels, which so have proven to have its key."""
        return {path: said for path, (_, said) in self._said.items()}

    def close(self) -> None:
        self._poll.close()


def _place_of(found: Found) -> _Place:
    """Return a value that changes when another process listens for a kernel."""
    return found.info, found.listener_pid


def location_of(reply: Message) -> KernelLocation | None:
    """Return the location in a usage_reply; None if it has none."""
    host, pid = reply["content"].get("hostname"), reply["content"].get("pid")
    if isinstance(host, str) and isinstance(pid, int) and not isinstance(pid, bool) and pid > 0:
        return KernelLocation(host, pid)
    return None
