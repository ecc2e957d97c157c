"""ServerConnection: HTTP to a Jupyter server whose process is verified, with one deadline."""

from __future__ import annotations

import contextlib
import io
import socket
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, cast

from kerneltui.errors import KernelError
from kerneltui.fleet.servers.jupyter_server import JupyterServer
from kerneltui.fleet.servers.peer import why_unproven

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class ServerConnection(HTTPConnection):
    """An HTTP connection that sends nothing before the server's process is verified.

    A reconnect, which HTTP/1.0 needs after each request, verifies it again. All requests together
    must end within `timeout` seconds from now, however slowly the server answers; after that
    TimeoutError is raised.
    """

    def __init__(self, server: JupyterServer, timeout: float) -> None:
        super().__init__(server.host or "localhost", server.port or None)
        self._server = server
        self._deadline = time.monotonic() + timeout

    def connect(self) -> None:
        """Connect. Raises KernelError if another process listens at the server's address."""
        with contextlib.ExitStack() as undo:
            dialled = undo.enter_context(self._dial())
            self._refuse_unproven(dialled)
            if self._server.secure:
                dialled.settimeout(left(self._deadline))
                dialled = undo.enter_context(_encrypted(dialled))
            undo.pop_all()
        self.sock = cast(Any, _TimedSocket(dialled, self._deadline))

    def _dial(self) -> socket.socket:
        if not self._server.sock:
            return socket.create_connection((self.host, self.port), left(self._deadline))
        with contextlib.ExitStack() as undo:
            dialled = undo.enter_context(socket.socket(socket.AF_UNIX))
            dialled.settimeout(left(self._deadline))
            dialled.connect(self._server.sock)
            undo.pop_all()
        return dialled

    def _refuse_unproven(self, dialled: socket.socket) -> None:
        if why := why_unproven(dialled, self._server.pid):
            raise KernelError(f"{self._server} was not asked, and got no token: {why}")


def left(deadline: float) -> float:
    """Return the seconds until an instant of `time.monotonic()`. Raises TimeoutError after it."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


def _encrypted(plain: socket.socket) -> socket.socket:
    import ssl

    # The certificate is usually self-signed; the process at the other end is verified already.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


class _TimedSocket:
    """The part of a socket that http.client uses, with one deadline for all reads and writes.

    A socket's own timeout begins again with each read.
    """

    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._inner.settimeout(left(self._deadline))
        self._inner.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._inner, self._deadline))

    def close(self) -> None:
        self._inner.close()


class _TimedReader(io.RawIOBase):
    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._raw = inner.makefile("rb", buffering=0)  # the socket stays open until this is closed
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._inner.settimeout(left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
