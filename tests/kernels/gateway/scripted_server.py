"""A server that answers what a test says, byte for byte, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from tests.remote_servers import HOST

LATEST_END = 30.0  # seconds


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    head: str
    body: str

    def header(self, name: str) -> str:
        """Return the value of a header; "" if it was not sent."""
        lines = (line.partition(": ") for line in self.head.splitlines()[1:])
        return next((value for key, _, value in lines if key.lower() == name.lower()), "")


Script = Callable[[Asked], Iterable[bytes]]


def answer(
    status: int = 200, body: str | bytes = "", *headers: str, phrase: str = "Words"
) -> list[bytes]:
    """Return an answer for a script."""
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} {phrase}", f"Content-Length: {len(content)}", "Connection: close"]
    return ["\r\n".join([*head, *headers, "", ""]).encode(), content]


class ScriptedServer:
    """A server in threads of its own; each connection is for one request."""

    def __init__(self, script: Script, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server((HOST, port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{HOST}:{self.port}/"
        self.asked: list[Asked] = []
        self.over = threading.Event()
        """Set at the end; a script that waits waits for this."""
        self._threads = [threading.Thread(target=self._accept, name="test-background")]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        for thread in self._threads:
            thread.join(LATEST_END)

    def paths(self) -> list[str]:
        return [f"{each.method} {each.path.partition('?')[0]}" for each in self.asked]

    def text(self) -> str:
        """Return all that came, heads and bodies."""
        return "\n".join(f"{each.head}\n{each.body}" for each in self.asked)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(
                    target=self._serve, args=(connection,), name="test-background"
                )
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.ExitStack() as closing, contextlib.suppress(OSError):
            closing.enter_context(connection)
            if self._tls is not None:
                connection = closing.enter_context(self._tls.wrap_socket(connection, True))
            asked = _read(connection)
            if asked is None:
                return
            self.asked.append(asked)
            for piece in self._script(asked):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass


def _read(connection: socket.socket) -> Asked | None:
    """Return a request; None if the connection ends before."""
    received = b"".join(_until_whole(connection))
    head, gap, body = received.partition(b"\r\n\r\n")
    if not gap:
        return None
    method, path, _ = head.decode("latin-1").split(" ", 2)
    return Asked(method, path, head.decode("latin-1"), body.decode("latin-1"))


def _until_whole(connection: socket.socket) -> Iterator[bytes]:
    received = b""
    while not _is_whole(received) and (piece := connection.recv(4096)):
        received += piece
        yield piece


def _is_whole(received: bytes) -> bool:
    head, gap, body = received.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.splitlines()
        if line.lower().startswith(b"content-length:")
    ]
    return bool(gap) and len(body) >= (lengths or [0])[0]
