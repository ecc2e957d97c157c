"""Who listens where on this host: which process a kernel's ports or ipc sockets belong to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import psutil

from kerneltui.protocol.connection import Channel, ConnectionInfo

Place = int | str
"""A tcp port, or the path of a unix socket."""

Listeners = Mapping[Place, int | None]
"""The pid by the place; None where somebody listens who may not be seen."""


def listeners() -> Listeners:
    """Look at all sockets of this host once; costs milliseconds for each hundred processes."""
    found: dict[Place, int | None] = {}
    for each in _connections():
        place = each.laddr if isinstance(each.laddr, str) else getattr(each.laddr, "port", None)
        is_listening = each.status == psutil.CONN_LISTEN or isinstance(each.laddr, str)
        if place and is_listening and found.get(place) is None:
            found[place] = each.pid
    return found


def owner(info: ConnectionInfo, found: Listeners) -> tuple[bool, int | None]:
    """Tell whether anybody listens where a kernel should, and the pid of who has both places.

    Of a file that is out of date one port may be another's by now, but hardly both.
    """
    places = [_place(info, channel) for channel in (Channel.SHELL, Channel.CONTROL)]
    pids = {found.get(place) for place in places}
    return any(place in found for place in places), pids.pop() if len(pids) == 1 else None


def _place(info: ConnectionInfo, channel: Channel) -> Place:
    port = info.ports[channel]
    return port if info.transport == "tcp" else f"{info.ip}-{port}"


def _connections() -> Iterable[Any]:
    try:
        return psutil.net_connections("all")
    except psutil.AccessDenied:  # as on macOS, where one may only look into one's own
        return _own_connections()


def _own_connections() -> Iterable[Any]:
    for process in psutil.process_iter():
        try:
            if process.uids().real == os.getuid():
                for each in process.net_connections("all"):
                    yield _WithPid(each, process.pid)
        except psutil.Error:
            continue


class _WithPid:
    """A connection as of one process, with the pid that it lacks."""

    def __init__(self, connection: Any, pid: int) -> None:
        self.laddr, self.status, self.pid = connection.laddr, connection.status, pid
