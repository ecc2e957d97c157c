"""Where the keeper of a runtime folder listens: a unix socket in kerneltui's own folder.

Both sides make sure that the other one is a process of this user. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from kerneltui.kernels.processes.identity import host_key
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: `struct ucred` of <sys/socket.h>


def socket_path(folder: Path) -> Path:
    # A home may be mounted on many hosts, and each has kernels of its own.
    return own_folder(folder) / f"keeper-{host_key()}.sock"


def listen(folder: Path) -> socket.socket:
    """Return a listening socket in place of that of an earlier keeper. Raises OSError.

    The caller holds the keeper's lock.
    """
    make_private_folder(own_folder(folder))
    with contextlib.suppress(FileNotFoundError):
        socket_path(folder).unlink()
    with _new_socket() as (listener, keep), _short(socket_path(folder)) as path:
        listener.bind(path)
        listener.listen(128)
        keep()
    return listener


def connect(folder: Path, timeout: float) -> socket.socket:
    """Return a connection to the keeper. Raises OSError if there is none, or another user's.

    `timeout`: seconds for each later step on it.
    """
    with _new_socket() as (connection, keep), _short(socket_path(folder)) as path:
        connection.settimeout(timeout)
        connection.connect(path)
        if uid_of(connection) != os.geteuid():
            raise PermissionError("what listens there is another user's process")
        keep()
    return connection


def uid_of(connection: socket.socket) -> int:
    """Return the user of the process at the other end."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])


@contextlib.contextmanager
def _new_socket() -> Iterator[tuple[socket.socket, Callable[[], object]]]:
    """Yield a socket that is closed at the end, and a function by which it stays open."""
    with contextlib.ExitStack() as opened:
        made = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        yield made, opened.pop_all


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield another path to the same file that a socket address has room for, at any length."""
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)
