"""Reserve tcp ports, so that no two kernels of this user are told to bind the same one.

A port that was found free may be taken until the kernel binds it. Within that gap only
those who ask here are kept off it; a stranger may still take it, and then the kernel
dies of "Address in use" and is started on others.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import random
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from kerneltui.errors import ConnectionFileUnavailable, KernelError
from kerneltui.paths import own_folder, runtime_folder
from kerneltui.private_file import make_private_folder, open_private

MAX_TRIES = 100  # candidates that others hold, before giving up
# Below what systems lend to outgoing connections: a client that knocks before its kernel
# listens may be lent the kernel's own port, talks to itself and keeps the kernel off it.
PORT_RANGE = range(10_000, 30_000)

_log = logging.getLogger(__name__)


class PortReservations:
    """The ports that this process holds: a set, and one locked byte of a shared file for each.

    The byte at offset N stands for port N. The system drops the locks of a process that
    dies, so nothing goes stale. Three properties of POSIX record locks shape this class:
    they do not exclude within one process, hence the set; a forked child does not inherit
    them, hence `forget`; and closing *any* descriptor of the file drops them all, hence one
    descriptor, open for good: nobody else in this process may open that file.
    """

    def __init__(self, find_path: Callable[[], Path]) -> None:
        self._find_path = find_path
        self._lock = threading.Lock()
        self._ports: set[int] = set()
        self._fd: int | None = None

    def forget(self) -> None:
        """Hold nothing any more. In a forked child that leaves the parent's locks alone."""
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._ports.clear()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def reserve(self, port: int) -> bool:
        """Hold `port`; False if this or another process of this user holds it already."""
        with self._lock:
            if port in self._ports or not self._lock_byte(port):
                return False
            self._ports.add(port)
            return True

    def reserve_free(self, ip: str, count: int) -> tuple[int, ...]:
        """Hold `count` ports that nothing is bound to on `ip` ("*" or "": every interface)."""
        ports: list[int] = []
        with contextlib.ExitStack() as undo:
            undo.callback(self.release, ports)
            for port in random.sample(PORT_RANGE, count + MAX_TRIES):
                if len(ports) == count:
                    break
                if _is_free(ip, port) and self.reserve(port):
                    ports.append(port)
            if len(ports) == count:
                undo.pop_all()
                return tuple(ports)
        raise KernelError(f"no {count} free tcp ports on ip {ip!r} after {MAX_TRIES} tries")

    def release(self, ports: Iterable[int]) -> None:
        """Give ports back; one that is not held is left alone."""
        with self._lock:
            for port in self._ports.intersection(ports):
                self._ports.remove(port)
                if self._fd is not None:
                    fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, port)

    def _lock_byte(self, port: int) -> bool:
        """Lock the port's byte; False if another process has it.

        True as well if the file or its file system cannot be used: a kernel that
        starts with less protection beats one that does not.
        """
        try:
            if self._fd is None:
                path = self._find_path()
                make_private_folder(path.parent, parents=True)
                self._fd = open_private(path, os.O_RDWR | os.O_CREAT)
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except OSError as error:
            if self._fd is not None and error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            _log.warning("ports are reserved in this process only: %s", error)
        return True


def _is_free(ip: str, port: int) -> bool:
    """Tell whether nothing is bound to a port. Raises ConnectionFileError for a foreign ip."""
    host = "0.0.0.0" if ip in ("", "*") else ip.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return False
        code = error.errno if isinstance(error, OSError) else None
        raise ConnectionFileUnavailable.of(f"cannot use ip {ip!r}: {error}", code) from error
    return True


def _shared_file() -> Path:
    # A home may be mounted on many hosts, and each has ports of its own.
    return own_folder(runtime_folder()) / f"ports-{os.uname().nodename}.lock"


# One per process, as are the locks beneath it.
_reservations = PortReservations(_shared_file)
os.register_at_fork(after_in_child=_reservations.forget)

reserve = _reservations.reserve
reserve_ports = _reservations.reserve_free
release_ports = _reservations.release
