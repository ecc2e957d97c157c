"""KernelGateway: a websocket server before one kernel, as a Jupyter server is, or a bad one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self, TypeVar

import zmq
import zmq.asyncio
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from kerneltui.errors import ProtocolError
from kerneltui.kernels.connection.session import session_for
from kerneltui.kernels.connection.sockets import connect, default_context
from kerneltui.kernels.gateway.exchange import WebsocketPlace
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.raw_message import DELIMITER, RawMessage
from kerneltui.protocol.websocket_frames import V1, WebsocketMessage, decode, encode
from tests.remote_servers import free_port
from tests.support import PATIENCE, eventually

T = TypeVar("T")
SECRET = "a-token-that-nobody-may-see"
LINGER = 1000 * int(PATIENCE)  # milliseconds for what has come to reach the kernel
CHANNELS = (Channel.STDIN, Channel.IOPUB, Channel.CONTROL, Channel.SHELL)


class KernelGateway:
    """Serves a kernel's messages on 127.0.0.1. Every public method is for the test's thread."""

    def __init__(
        self, kernel: ConnectionInfo, subprotocol: str = V1, *, hides_choice: bool = False
    ) -> None:
        """`subprotocol`: the one it chooses; "" for none, and the older frames.

        `hides_choice`: as behind a proxy that does not tell the client what was chosen.
        """
        self.kernel = kernel
        """Where the kernel is; another one may take its place."""
        self.paths: list[str] = []
        """Of all requests for a websocket."""
        self.headers: list[Mapping[str, str]] = []
        self.refusal: int | None = None
        """The HTTP status that is given in place of a websocket."""
        self.location = ""
        """Where a refusal sends the client."""
        self.requests: list[tuple[str, str]] = []
        """Method and path of all requests that are not for a websocket."""
        self.received: list[WebsocketMessage] = []
        self.hears_iopub = True
        """Whether it passes on what the kernel publishes."""
        self._subprotocol = subprotocol
        self._hides_choice = hides_choice
        self._open: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="test-background", daemon=True
        )
        self._server: Server | None = None
        self.port = free_port()

    # -- for a relay ----

    def websocket(self, path: str) -> WebsocketPlace:
        headers = {"Authorization": f"token {SECRET}"}
        return WebsocketPlace(f"ws://127.0.0.1:{self.port}/{path}", headers, None, "")

    def request(self, method: str, path: str) -> object:
        self.requests.append((method, path))
        return None

    # -- for a test ----

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *_error: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._server = self._call(self._listen())

    def cut(self) -> None:
        """Break all connections, without a word, and take no new ones before `listen`."""
        self._call(self._cut())

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Close all websockets as the protocol says; new ones are taken."""
        self._call(self._close(code, reason))

    def send(self, frame: bytes | str) -> None:
        """Send a frame of any kind on all websockets."""
        self._call(self._send(frame))

    def freeze(self) -> None:
        """Read nothing more on the open websockets, so that no ping is answered."""
        self._call(self._freeze())

    @property
    def count(self) -> int:
        """How many websockets are open."""
        return len(self._open)

    def wait_for_connections(self, count: int) -> None:
        """Wait until a number of websockets was asked for, since the start."""
        eventually(lambda: len(self.paths) >= count)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    # -- runs in its thread ----

    async def _listen(self) -> Server:
        return await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            select_subprotocol=self._choose,
            process_request=self._admit,
            process_response=self._answer,
            max_size=None,
            close_timeout=1,
        )

    async def _cut(self) -> None:
        if self._server is None:
            return
        self._server.close(close_connections=False)
        for websocket in list(self._open):
            websocket.transport.abort()
        await self._server.wait_closed()

    async def _freeze(self) -> None:
        for websocket in self._open:
            websocket.transport.pause_reading()

    async def _close(self, code: int, reason: str) -> None:
        for websocket in list(self._open):
            await websocket.close(code, reason)

    async def _send(self, frame: bytes | str) -> None:
        for websocket in list(self._open):
            await websocket.send(frame)

    def _admit(self, websocket: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        self.headers.append(dict(request.headers.raw_items()))
        if self.refusal is None:
            return None
        response = websocket.respond(HTTPStatus(self.refusal), "no\n")
        if self.location:
            response.headers["Location"] = self.location
        return response

    def _choose(
        self, _websocket: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        return next((each for each in offered if each == self._subprotocol), None)

    def _answer(self, _websocket: ServerConnection, _request: Request, response: Response) -> None:
        if self._hides_choice:
            response.headers.pop("Sec-WebSocket-Protocol", None)

    async def _serve(self, websocket: ServerConnection) -> None:
        identity = session_for(self.kernel).bsession
        sockets = {
            channel: zmq.asyncio.Socket.from_socket(
                connect(default_context(), self.kernel, channel, identity)
            )
            for channel in CHANNELS
        }
        pumps = [
            asyncio.ensure_future(self._pump(channel, socket, websocket))
            for channel, socket in sockets.items()
        ]
        self._open.add(websocket)
        session = session_for(self.kernel)
        try:
            async for frame in websocket:
                message = decode(frame, websocket.subprotocol or "")
                self.received.append(message)
                signed = [DELIMITER, session.sign(message.parts)]
                await sockets[message.channel].send_multipart(
                    [*signed, *message.parts, *message.buffers]
                )
        except ConnectionClosed:
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for socket in sockets.values():
                socket.close(linger=LINGER)
            self._open.discard(websocket)

    async def _pump(
        self, channel: Channel, socket: zmq.asyncio.Socket, websocket: ServerConnection
    ) -> None:
        session = session_for(self.kernel)
        while True:
            raw = RawMessage(await socket.recv_multipart())
            try:
                session.believe(raw)
            except ProtocolError:
                continue
            if channel is Channel.IOPUB and not self.hears_iopub:
                continue
            _, parts, buffers = raw.split()
            await websocket.send(
                encode(WebsocketMessage(channel, parts, buffers), websocket.subprotocol or "")
            )
