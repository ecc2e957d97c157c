"""Messages between the keeper and those who ask it: JSON objects, with descriptors beside them.

Each is sent as its length and its text. Both sides of a connection are processes of this user.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH = struct.Struct("!I")
_CHUNK = 65_536
_MAX_SIZE = 16_000_000  # bytes: Linux starts no process with more arguments and environment
_MAX_FDS = 3


class Unusable(ValueError):
    """What was received is not one of our messages."""


def pack(message: Mapping[str, object]) -> bytes:
    text = json.dumps(message).encode()
    return _LENGTH.pack(len(text)) + text


def send(connection: socket.socket, message: Mapping[str, object], fds: Sequence[int] = ()) -> None:
    """Send a message, within the connection's timeout. Raises OSError."""
    data = pack(message)
    sent = socket.send_fds(connection, [data], list(fds))
    connection.sendall(data[sent:])


class Inbox:
    """Puts together what has come on one connection."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._fds: list[int] = []

    def read(self, connection: socket.socket) -> bool:
        """Take what is there; False if the other side has closed. Raises OSError or Unusable."""
        data, fds, _, _ = socket.recv_fds(connection, _CHUNK, _MAX_FDS, socket.MSG_CMSG_CLOEXEC)
        self._fds += fds
        self._data += data
        if len(self._fds) > _MAX_FDS or self._size > _MAX_SIZE:
            raise Unusable("a message of the keeper is too large")
        return bool(data)

    @property
    def _size(self) -> int:
        known = len(self._data) >= _LENGTH.size
        return int(_LENGTH.unpack_from(self._data)[0]) if known else 0

    def next(self) -> dict[str, Any] | None:
        """Return the next whole message; None if there is none yet. Raises Unusable."""
        end = _LENGTH.size + self._size
        if len(self._data) < max(end, _LENGTH.size):
            return None
        text = bytes(self._data[_LENGTH.size : end])
        del self._data[:end]
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            raise Unusable("a message of the keeper is not JSON") from None
        if not isinstance(message, dict):
            raise Unusable("a message of the keeper is not an object")
        return message

    def take_fds(self) -> list[int]:
        """Return the descriptors that came with the messages; the caller closes them."""
        taken, self._fds = self._fds, []
        return taken

    def close(self) -> None:
        for fd in self.take_fds():
            os.close(fd)
