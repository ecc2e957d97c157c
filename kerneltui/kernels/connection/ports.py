"""Reserve tcp ports, so that no two kernels of this user get the same one.

Until the kernel binds a port that was found free, another program may take it. A reservation
only keeps out processes that reserve their ports here. If any other program takes the port, the
kernel dies of "Address in use" and is started on other ports.
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

MAX_TRIES = 100  # candidates that turn out to be taken, before giving up
# Below the ports that systems give to outgoing connections: else a client that connects before its
# kernel listens may get the kernel's own port. It then talks to itself and keeps the kernel off the
# port.
PORT_RANGE = range(10_000, 30_000)

_log = logging.getLogger(__name__)


class PortReservations:
    """The ports that this process holds: a set, and one locked byte of a shared file for each.

    The byte at offset N stands for port N. The system releases the locks of a process that dies, so
    no reservation goes stale. Three properties of POSIX record locks shape this class. They do not
    exclude threads of the same process: hence the set. A forked child does not inherit them: hence
    `forget`. And they are all released when *any* descriptor of the file is closed: hence one
    descriptor that stays open, and no other code in this process may open that file.
    """

    def __init__(self, find_path: Callable[[], Path]) -> None:
        self._find_path = find_path
        self._lock = threading.Lock()
        self._ports: set[int] = set()
        self._fd: int | None = None

    def forget(self) -> None:
        """Hold no port any more; in a forked child, the parent's locks stay as they are."""
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
        """Hold `count` ports that are free on `ip` ("*" or "": on every interface)."""
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

        True as well if the file or its file system cannot be used: a kernel with less protection is
        better than no kernel.
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
    """Tell whether a port is free. Raises ConnectionFileError if `ip` is not of this host."""
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


# One per process, like the locks beneath it.
_reservations = PortReservations(_shared_file)
os.register_at_fork(after_in_child=_reservations.forget)

reserve = _reservations.reserve
reserve_ports = _reservations.reserve_free
release_ports = _reservations.release
