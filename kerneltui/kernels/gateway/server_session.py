"""ServerSession: requests to a Jupyter server or a gateway, logged in, from any thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from kerneltui.errors import ServerError, ServerUnreachable
from kerneltui.kernels.gateway.event_loop import EventLoop, LoopClosed
from kerneltui.kernels.gateway.extra import NEEDS_EXTRA
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.answer import Answer
    from kerneltui.kernels.gateway.exchange import Exchange, WebsocketPlace

_T = TypeVar("_T")
_Work = Callable[["Exchange"], Coroutine[Any, Any, _T]]


class ServerSession:
    """Requests to a Jupyter server or a gateway, logged in; any thread may make them.

    Nothing is sent before the first request. A request has one deadline for all: connecting,
    logging in, and an answer however slow. No redirect is followed, except once from http to https
    of the same host, before anything secret is sent.

    `renew`: returns a token; called before the first request if the address has no token and no
    password, and once for each request whose token the server refuses. It may block, and raise
    KernelError.
    """

    def __init__(self, address: ServerAddress, renew: Callable[[], str] | None = None) -> None:
        self.address = address
        self._renew = renew
        self._lock = threading.Lock()
        self._exchange: Exchange | None = None
        self._loop: EventLoop | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def request(
        self, method: str, path: str, *, body: object = None, timeout: float | None = None
    ) -> object:
        """Return the JSON of the server's answer; None if the answer is empty.

        `path`: below the base URL, with its query: "api/kernels". `body`: sent as JSON unless
        None. `timeout`: seconds; None for that of the address.
        Raises ServerUnreachable, ServerRefused, LoginRefused or another ServerError, what `renew`
        raises, and KernelError if there is no room for a thread.
        """
        what = f"{method} {path.partition('?')[0]}"
        content = b"" if body is None else json.dumps(body).encode()
        answer = self._wait(lambda exchange: exchange.ask(method, path, content), what, timeout)
        return self._parsed(answer, what) if answer.body else None

    def websocket(self, path: str, *, timeout: float | None = None) -> WebsocketPlace:
        """Return how to open a websocket as who is logged in; logs in if that was not done.

        If the server refuses the websocket nevertheless, make any request: that logs in again if
        the login has expired. Then ask here again. Raises ServerError, and what `renew` raises.
        """
        what = f"what {path.partition('?')[0]} needs"
        return self._wait(lambda exchange: exchange.websocket(path), what, timeout)

    def close(self) -> None:
        """Cancel all requests, which then raise ServerUnreachable, and refuse new ones."""
        with self._lock:
            self._closed = True
            loop = self._loop
        if loop is not None:
            loop.close()

    def _wait(self, work: _Work[_T], what: str, timeout: float | None) -> _T:
        seconds = self.address.timeout if timeout is None else timeout
        loop, exchange = self._started()
        try:
            return loop.call(_within(seconds, work, exchange))
        except LoopClosed:
            raise self._disconnected() from None
        except TimeoutError:
            raise ServerUnreachable(
                f"{self.address} did not answer {what} within {seconds:g} s"
            ) from None

    def _started(self) -> tuple[EventLoop, Exchange]:
        with self._lock:
            if self._closed:
                raise self._disconnected()
            if self._loop is None or self._exchange is None:
                exchange = self._made_exchange()
                loop = EventLoop("gateway-http", exchange.close)
                loop.start()
                self._exchange, self._loop = exchange, loop
            return self._loop, self._exchange

    def _made_exchange(self) -> Exchange:
        try:
            from kerneltui.kernels.gateway.exchange import Exchange
        except ModuleNotFoundError:
            raise ServerError(NEEDS_EXTRA) from None
        return Exchange(self.address, self._renew)

    def _disconnected(self) -> ServerUnreachable:
        return ServerUnreachable(f"{self.address} is not asked any more: it was disconnected")

    def _parsed(self, answer: Answer, what: str) -> object:
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            kind = clean_line(answer.kind, 40) or "of unknown type"
            raise ServerError(
                f"{self.address} answered {what} with something that is not JSON ({kind}); is its"
                " address the base URL of a Jupyter server?"
            ) from None


async def _within(seconds: float, work: _Work[_T], exchange: Exchange) -> _T:
    async with asyncio.timeout(seconds):
        return await work(exchange)
