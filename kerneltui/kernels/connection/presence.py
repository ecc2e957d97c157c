"""KernelPresence: whether a kernel that is known by its sockets only is still there."""

from __future__ import annotations

import contextlib
import ipaddress
import math
import select
import socket
import time
from collections.abc import Hashable, Mapping
from typing import TypeVar

from kerneltui.kernels.connection.listeners import eldest, listeners, owner
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import identify
from kerneltui.protocol.connection import LOOPBACKS, Channel, ConnectionInfo

Asked = TypeVar("Asked", bound=Hashable)

FIRST_LOOK = 0.5  # seconds of silence until somebody looks
INTERVAL = 3.0  # seconds of silence between two looks
SEARCH_INTERVAL = 30.0  # seconds between two searches for the process: they cost milliseconds
GREETING_TIME = 0.5  # seconds; zmq greets whoever connects, in a thread that no code holds up


class KernelPresence:
    """Where a kernel's process is seen, its end is the kernel's.

    Else it is there as long as somebody speaks zmq where it listens. One that is stopped, or
    that cannot be reached now, is not gone.
    """

    def __init__(self, info: ConnectionInfo) -> None:
        self.process: AdoptedProcess | None = None
        """Who listens for the kernel on this host, once that was looked for."""
        self._info = info
        self._was_there = False
        self._search_at = 0.0
        self._look_at = math.inf

    def begin_wait(self) -> None:
        """Take note that somebody waits for the kernel, perhaps in many short waits."""
        if self._look_at == math.inf:
            self._look_at = time.monotonic() + FIRST_LOOK

    def note_words(self) -> None:
        """Take note that the kernel has said something."""
        self._look_at = math.inf

    @property
    def due(self) -> float:
        """When to look, an instant of `time.monotonic()`."""
        return self._look_at

    def is_gone(self, *, has_spoken: bool) -> bool:
        """Look whether a kernel that was there is there no more. `has_spoken`: it was there."""
        has_exited = self.process is not None and self.process.exited
        is_there, now = somebody_speaks(self._info), time.monotonic()  # after that
        self._look_at = now + INTERVAL
        if has_exited:
            self.process, self._search_at = None, 0.0
            if not is_there:
                return True
        if is_there and self.process is None and self._search_at <= now:
            self._search_at = now + SEARCH_INTERVAL
            found = find_process(self._info)
            # Had the kernel ended meanwhile, what it has forked would have been found.
            self.process = found if somebody_speaks(self._info) else None
        self._was_there |= bool(is_there) or has_spoken
        return is_there is False and self._was_there


def somebody_speaks(info: ConnectionInfo) -> bool | None:
    """Tell whether somebody speaks zmq at a kernel's shell channel; None if unknown.

    The end of a tunnel hangs up where nothing is behind it.
    """
    try:
        with open_connection(info) as connection:
            connection.settimeout(GREETING_TIME)
            return bool(connection.recv(1))
    except (ConnectionRefusedError, ConnectionResetError, FileNotFoundError):
        return False
    except OSError:  # it says nothing in time, or there is no way to it
        return None


def speaking(infos: Mapping[Asked, ConnectionInfo]) -> set[Asked]:
    """Return at which kernels' shell channels somebody speaks zmq; all are asked at once.

    What a kernel forks has its sockets and none of its threads, and so says nothing there. A
    kernel speaks whatever it runs, and whether it has a heartbeat or not.
    """
    found, waiting = set(), {}
    with contextlib.ExitStack() as opened:
        poller = select.poll()
        for key, info in infos.items():
            with contextlib.suppress(OSError):  # nobody listens there, or there is no way to it
                connection = opened.enter_context(open_connection(info))
                poller.register(connection, select.POLLIN)
                waiting[connection.fileno()] = key, connection
        deadline = time.monotonic() + GREETING_TIME
        while waiting:
            left = math.ceil(max(0.0, deadline - time.monotonic()) * 1000)
            if not (ready := poller.poll(left)):
                break
            for fd, _ in ready:
                poller.unregister(fd)
                key, connection = waiting.pop(fd)
                with contextlib.suppress(OSError):
                    found |= {key} if connection.recv(1) else set()
    return found


def open_connection(info: ConnectionInfo) -> socket.socket:
    """Connect to a kernel's shell channel, below zmq. Raises OSError."""
    port = info.ports[Channel.SHELL]
    if info.transport == "tcp":
        address = (LOOPBACKS.get(info.ip, info.ip), port)
        return socket.create_connection(address, timeout=GREETING_TIME)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(GREETING_TIME)
        connection.connect(f"{info.ip}-{port}")
    except BaseException:
        connection.close()
        raise
    return connection


def find_process(info: ConnectionInfo) -> AdoptedProcess | None:
    """Return the process that listens for a kernel on this host, None if none is proven to.

    What a kernel forks has its sockets as well: the eldest is meant.
    """
    if info.transport == "tcp" and not _is_local(info.ip):
        return None
    try:
        pid = owner(info, listeners()).pid
        found = None if pid is None else identify(eldest(pid, info))
        return None if found is None else AdoptedProcess(found)
    except OSError:  # as where no more files can be opened
        return None


def _is_local(ip: str) -> bool:
    """Tell whether an address is of this host for sure."""
    import psutil

    try:
        address = ipaddress.ip_address(LOOPBACKS.get(ip, ip))
    except ValueError:
        return ip == "localhost"
    if address.is_loopback:
        return True
    own = (each.address for card in psutil.net_if_addrs().values() for each in card)
    return str(address) in own
