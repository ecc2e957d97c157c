"""KernelPresence: tell whether a kernel that is known only by its sockets is gone."""

from __future__ import annotations

import contextlib
import ipaddress
import math
import select
import socket
import time
from collections.abc import Hashable, Mapping
from typing import TypeVar

from kerneltui.kernels.connection.inproc import is_offered, why_withdrawn
from kerneltui.kernels.connection.listeners import eldest, listeners, owner
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import identify
from kerneltui.protocol.connection import LOOPBACKS, Channel, ConnectionInfo

Asked = TypeVar("Asked", bound=Hashable)

FIRST_LOOK = 0.5  # seconds of silence before the first look
INTERVAL = 3.0  # seconds of silence between two looks
SEARCH_INTERVAL = 30.0  # seconds between two searches for the process: they cost milliseconds
GREETING_TIME = 0.5  # seconds; zmq greets each new connection, in a thread that no code blocks


class KernelPresence:
    """Watches a kernel's process if it is visible, else its sockets.

    The end of the process that listens for it ends the watch, and so does a refused connection. A
    kernel that is stopped, or that cannot be reached now, is not gone. That it has ended is certain
    only if the process is proven to be the kernel: else it may be the end of a tunnel.
    """

    def __init__(self, info: ConnectionInfo, connection_file: str) -> None:
        """`connection_file`: its path, "" if unknown. A process that names it is the kernel."""
        self.process: AdoptedProcess | None = None
        """The process that listens for the kernel on this host; None until it is found."""
        self._info = info
        self._connection_file = connection_file
        self._is_proven = False
        self._was_there = False
        self._search_at = 0.0
        self._look_at = math.inf

    def begin_wait(self) -> None:
        """Take note that a caller waits for the kernel, perhaps in many short waits."""
        if self._look_at == math.inf:
            self._look_at = time.monotonic() + FIRST_LOOK

    def note_words(self) -> None:
        """Take note that the kernel has sent something."""
        self._look_at = math.inf

    @property
    def due(self) -> float:
        """When to look, an instant of `time.monotonic()`."""
        return self._look_at

    def is_gone(self, *, has_spoken: bool) -> bool:
        """Tell whether the kernel was there and is gone now.

        `has_spoken`: it has sent something, so it was there. What this process does not offer over
        inproc is gone in any case.
        """
        has_exited = self.process is not None and self.process.exited
        is_there, now = somebody_speaks(self._info), time.monotonic()  # read after the look
        self._look_at = now + INTERVAL
        if has_exited:
            self.process, self._search_at = None, 0.0
            if not is_there:
                return True
            self._is_proven = False
        if is_there and self.process is None and self._search_at <= now:
            self._search_at = now + SEARCH_INTERVAL
            self._watch(find_process(self._info))
        self._was_there |= bool(is_there) or has_spoken
        return is_there is False and (self._was_there or self._info.transport == "inproc")

    @property
    def is_withdrawn(self) -> bool:
        """Whether this process has offered the kernel over inproc, and does so no longer."""
        return self._info.transport == "inproc" and bool(why_withdrawn(self._info.ip))

    def describe_end(self, channel: Channel) -> str:
        """Say what is known of a kernel that is gone, for who used `channel`."""
        endpoint = self._info.endpoint(channel)
        if self._info.transport == "inproc":
            why = why_withdrawn(self._info.ip) or "this process does not offer it"
            return f"the kernel at {endpoint} cannot be reached any more: {why}"
        if self._is_proven:
            return f"the kernel at {endpoint} has ended"
        return f"nothing serves {endpoint} any more: the kernel has ended, or a tunnel to it has"

    def _watch(self, found: AdoptedProcess | None) -> None:
        if found is None:
            return
        # If the kernel has ended meanwhile, the process found is one that it has forked.
        if somebody_speaks(self._info):
            self.process = found
            self._is_proven = names_file(found.identity.pid, self._connection_file)
        else:  # or its greeting is late: the next look searches again
            self._search_at = 0.0


def somebody_speaks(info: ConnectionInfo, within: float | None = None) -> bool | None:
    """Tell whether a process speaks zmq at a kernel's shell channel; None if unknown.

    `within`: the seconds to wait for its greeting; None for GREETING_TIME. The end of a tunnel
    closes the connection if no kernel is behind it; that is False. What this process offers over
    inproc is there until it is withdrawn.
    """
    if info.transport == "inproc":
        return is_offered(info.ip)
    try:
        with open_connection(info) as connection:
            connection.settimeout(GREETING_TIME if within is None else within)
            return bool(connection.recv(1))
    except (ConnectionRefusedError, ConnectionResetError, FileNotFoundError):
        return False
    except OSError:  # no greeting in time, or the address cannot be reached
        return None


def speaking(infos: Mapping[Asked, ConnectionInfo]) -> set[Asked]:
    """Return the keys of the kernels that speak zmq at their shell channels.

    All are asked at the same time. A process that a kernel has forked has its sockets but none of
    its threads, so it sends no greeting. A kernel sends one whatever code it runs, and also if it
    has no heartbeat.
    """
    found, waiting = set(), {}
    with contextlib.ExitStack() as opened:
        poller = select.poll()
        for key, info in infos.items():
            with contextlib.suppress(OSError):  # nothing listens, or it cannot be reached
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
    """Connect a plain socket, without zmq, to a kernel's shell channel. Raises OSError."""
    if info.transport == "inproc":
        raise ConnectionRefusedError("no process listens behind sockets of this process")
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
    """Return the process that listens for a kernel on this host; None if none is proven to.

    The processes that a kernel has forked have its sockets as well: the oldest is returned.
    """
    if info.transport == "inproc" or (info.transport == "tcp" and not _is_local(info.ip)):
        return None
    try:
        pid = owner(info, listeners()).pid
        found = None if pid is None else identify(eldest(pid, info))
        return None if found is None else AdoptedProcess(found)
    except OSError:  # for example, if too many files are open
        return None


def names_file(pid: int, connection_file: str) -> bool:
    """Tell whether a process has a connection file among its arguments, as kernels do."""
    import psutil

    try:
        return bool(connection_file) and any(
            connection_file in word for word in psutil.Process(pid).cmdline()
        )
    except psutil.Error:
        return False


def _is_local(ip: str) -> bool:
    """Tell whether an address certainly belongs to this host."""
    import psutil

    try:
        address = ipaddress.ip_address(LOOPBACKS.get(ip, ip))
    except ValueError:
        return ip == "localhost"
    if address.is_loopback:
        return True
    own = (each.address for card in psutil.net_if_addrs().values() for each in card)
    return str(address) in own
