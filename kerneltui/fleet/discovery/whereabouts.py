"""Whereabouts: asks kernels where they run whose process nothing on this host proves.

ipykernel answers since 6.13. What does not answer proves nothing, and is asked once.
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
    """What such kernels have said, as long as they are where they were. Used by one thread."""

    def __init__(self) -> None:
        self._poll = ControlPoll[KernelManager]("usage_request")
        self._said: dict[Path, tuple[_Place, KernelLocation | None]] = {}
        """By connection file where its kernel was asked, and what it has answered."""

    def look(self, suspects: Iterable[tuple[Found, KernelManager | None]]) -> None:
        """Ask those that may be asked, are not proven, and have not been asked.

        `suspects`: kernels, each with the manager to ask it by; None for one not to be asked.
        """
        by_manager = {
            manager: found
            for found, manager in suspects
            if manager is not None and found.is_unproven
        }
        there = {found.connection_file: _place_of(found) for found in by_manager.values()}
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
        """By connection file those that have answered, and so have its key."""
        return {path: said for path, (_, said) in self._said.items()}

    def close(self) -> None:
        self._poll.close()


def _place_of(found: Found) -> _Place:
    """Return what is another once another process listens for a kernel."""
    return found.info, found.listener_pid


def location_of(reply: Message) -> KernelLocation | None:
    """Return what a usage_reply says; None if it does not say it."""
    host, pid = reply["content"].get("hostname"), reply["content"].get("pid")
    if isinstance(host, str) and isinstance(pid, int) and not isinstance(pid, bool) and pid > 0:
        return KernelLocation(host, pid)
    return None
