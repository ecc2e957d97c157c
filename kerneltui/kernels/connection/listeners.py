"""Find the processes on this host that listen at a kernel's ports or ipc sockets."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kerneltui.kernels.processes.tree import parent_of
from kerneltui.protocol.connection import Channel, ConnectionInfo

TCP_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
UNIX_TABLE = Path("/proc/net/unix")
_LISTEN = "0A"  # TCP_LISTEN of the kernel's tcp_states.h
_TCP_CONNECTED = "01"  # TCP_ESTABLISHED of the same
_UNIX_CONNECTED = "03"  # SS_CONNECTED of the kernel's net.h

Place = int | str
"""A tcp port, or the path of a unix socket."""

Listeners = Mapping[Place, int | None]
"""The pid for each place; None if the process that listens there may not be seen."""


def listeners() -> Listeners:
    """Return all listeners of this host; takes milliseconds for each hundred processes."""
    found: dict[Place, int | None] = {}
    for each in _connections("all"):
        for place in _listened_at([each]):
            if found.get(place) is None:
                found[place] = each.pid
    return found


def _listened_at(connections: Iterable[Any]) -> Iterator[Place]:
    import psutil

    for each in connections:
        place = each.laddr if isinstance(each.laddr, str) else getattr(each.laddr, "port", None)
        if place and (each.status == psutil.CONN_LISTEN or isinstance(each.laddr, str)):
            yield place


class Owner(NamedTuple):
    """The process that listens where a kernel should."""

    pid: int | None
    """The pid of the process that has all places; None if there is none, or it is not seen."""
    is_there: bool
    """Each place has a listener, or a process that may not be looked into has some."""


def owner(info: ConnectionInfo, found: Listeners) -> Owner:
    """Return the process that listens where a kernel should.

    If a connection file is out of date, one of its ports may belong to another program, but hardly
    both. If two processes have them, they may be the ends of tunnels.
    """
    places = places_of(info)
    pids = [found[place] for place in places if place in found]
    has_all = len(pids) == len(places)
    pid = pids[0] if has_all and len(set(pids)) == 1 else None
    return Owner(pid, has_all or None in pids)


def places_of(info: ConnectionInfo) -> tuple[Place, ...]:
    return tuple(_place(info, channel) for channel in (Channel.SHELL, Channel.CONTROL))


def places_held(pid: int) -> frozenset[Place] | None:
    """Return the places where a process listens, alone or with others that share its sockets.

    None if the process may not be looked into. A process that a kernel has forked has its sockets
    as well; `listeners` names only one of them.
    """
    import psutil

    try:
        return frozenset(_listened_at(psutil.Process(pid).net_connections("all")))
    except psutil.Error:
        return None


Holds = Callable[[int], Collection[Place] | None]
"""A function like `places_held`."""


def listens(pid: int, info: ConnectionInfo, holds: Holds = places_held) -> bool:
    """Tell whether a process has the sockets of a kernel, alone or with others."""
    return set(places_of(info)) <= set(holds(pid) or ())


def eldest(
    pid: int,
    info: ConnectionInfo,
    parent_of: Callable[[int], int | None] = parent_of,
    holds: Holds = places_held,
) -> int:
    """Return the oldest of the processes that share a kernel's sockets, given one of them.

    It is the one that has forked the others.
    """
    while (parent := parent_of(pid)) is not None and listens(parent, info, holds):
        pid = parent
    return pid


def addresses_listened_at(pid: int) -> list[tuple[str, int]]:
    """Return the addresses of the tcp sockets at which a process listens; [] if not visible."""
    import psutil

    try:
        return _addresses(psutil.Process(pid).net_connections("tcp"))
    except psutil.Error:
        return []


def all_addresses_listened_at() -> list[tuple[str, int]]:
    """Return the addresses of all tcp sockets of this host that are listened at.

    They are read from /proc if there is one: psutil looks into every process, which is a hundred
    times the work.
    """
    tables = [table for table in TCP_TABLES if table.exists()]
    if not tables:
        return _addresses(_connections("tcp"))
    return [each for table in tables for each in parse_listening(table.read_text("ascii"))]


def parse_listening(table: str) -> Iterator[tuple[str, int]]:
    """Yield the addresses of listening sockets in the text of /proc/net/tcp or tcp6."""
    for line in table.splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        if state == _LISTEN:
            packed, port = local.split(":")
            words = [int(packed[at : at + 8], 16) for at in range(0, len(packed), 8)]
            family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
            yield socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)), int(port, 16)


def count_clients(info: ConnectionInfo, channel: Channel) -> int | None:
    """Return the number of connections to one of a kernel's sockets; None if not visible."""
    place = _place(info, channel)
    tables = (UNIX_TABLE,) if isinstance(place, str) else TCP_TABLES
    try:
        texts = [each.read_text("utf-8", "replace") for each in tables if each.exists()]
    except OSError:
        return None
    return sum(connected_in(text, place) for text in texts) if texts else None


def connected_in(table: str, place: Place) -> int:
    """Count the connections at `place` in the text of /proc/net/unix, tcp or tcp6."""
    rows = [line.split(maxsplit=7) for line in table.splitlines()[1:]]
    if isinstance(place, str):
        return sum(row[5] == _UNIX_CONNECTED and row[7:] == [place] for row in rows)
    return sum(row[3] == _TCP_CONNECTED and row[1].endswith(f":{place:04X}") for row in rows)


def _addresses(connections: Iterable[Any]) -> list[tuple[str, int]]:
    import psutil

    return [
        (each.laddr.ip, each.laddr.port)
        for each in connections
        if each.status == psutil.CONN_LISTEN and not isinstance(each.laddr, str)
    ]


def _place(info: ConnectionInfo, channel: Channel) -> Place:
    port = info.ports[channel]
    return port if info.transport == "tcp" else f"{info.ip}-{port}"


def _connections(kind: str) -> Iterable[Any]:
    import psutil

    try:
        return psutil.net_connections(kind)
    except psutil.AccessDenied:  # as on macOS: a user may only look into own processes
        return _own_connections(kind)


def _own_connections(kind: str) -> Iterable[Any]:
    import psutil

    for process in psutil.process_iter():
        try:
            if process.uids().real == os.getuid():
                for each in process.net_connections(kind):
                    yield _WithPid(each, process.pid)
        except psutil.Error:
            continue


class _WithPid:
    """A connection of one process, with the pid that psutil leaves out."""

    def __init__(self, connection: Any, pid: int) -> None:
        self.laddr, self.status, self.pid = connection.laddr, connection.status, pid
