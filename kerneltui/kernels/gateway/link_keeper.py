"""LinkKeeper: keeps one relay's websocket open, in the gateway's thread."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed

from kerneltui.errors import KernelError, LoginRefused, ServerError
from kerneltui.kernels.gateway.event_loop import in_thread
from kerneltui.kernels.gateway.relay_sockets import RelaySockets
from kerneltui.kernels.gateway.relay_state import LinkGap, RelayLink
from kerneltui.kernels.gateway.rest_paths import UNTRACKED, kernel_path
from kerneltui.kernels.gateway.traffic import Traffic
from kerneltui.kernels.gateway.websocket import describe_end, is_final, open_websocket
from kerneltui.kernels.processes.guarded_thread import Failures

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from kerneltui.kernels.gateway.exchange import WebsocketPlace

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds between two attempts to connect
STEADY = 10.0  # seconds that a link has to last for the next delay to be a short one
OVERFLOW = "a program did not read what the kernel says"


class Server(Protocol):
    """A `ServerSession`, as far as a relay needs it. Both may block, and raise KernelError."""

    def websocket(self, path: str) -> WebsocketPlace: ...

    def request(self, method: str, path: str) -> object: ...


class LinkKeeper:
    """Connects a kernel's sockets to its server again and again, until that is of no use."""

    def __init__(
        self,
        server: Server,
        kernel_id: str,
        session_id: str,
        sockets: RelaySockets,
        *,
        on_change: Callable[[RelayLink, str], None],
        on_gap: Callable[[LinkGap], None],
    ) -> None:
        """`on_change`: called with the link and why it is so, also if that is not new."""
        self._server = server
        self._kernel = kernel_path(kernel_id)
        self._session_id = session_id
        self._sockets = sockets
        self._on_change = on_change
        self._on_gap = on_gap
        self._failures = Failures("a relay")
        self._offers_v1 = True
        self._broke: tuple[float, str] | None = None
        """When and why the last link broke; seconds since the epoch."""
        self._traffic = Traffic(sockets, self._note_overflow)
        self._traffic.watch()
        self._task = asyncio.ensure_future(self._serve())

    async def hold(self) -> None:
        self._traffic.hold()

    async def note_restart(self, *, is_certain: bool) -> None:
        self._traffic.note_restart(is_certain=is_certain)

    async def end(self) -> None:
        """Send what has just come, and close everything."""
        await self._traffic.flush()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _serve(self) -> None:
        reason = "it was closed here"
        try:
            await self._keep_open()
        except ServerError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a defect must not leave clients waiting
            self._failures.tell(error)
            reason = "it failed"
        finally:
            self._traffic.end()
            self._sockets.close(reason)
            self._on_change(RelayLink.CLOSED, reason)

    async def _keep_open(self) -> None:
        """Connect again and again. Raises ServerError when that is of no use."""
        delays = _delays()
        while True:
            begun = time.monotonic()
            try:
                reason = await self._connect()
            except KernelError as error:  # not the server's: a token could not be looked up
                if isinstance(error, ServerError) and is_final(error):
                    raise
                reason = str(error)
            self._on_change(RelayLink.LOST, reason)
            if time.monotonic() - begun > STEADY:
                delays = _delays()
            await asyncio.sleep(next(delays))

    async def _connect(self) -> str:
        """Serve one websocket to its end, and return why it ended. Raises KernelError."""
        websocket = await self._open()
        reason = "it was closed here"
        try:
            self._note_gap()
            self._on_change(RelayLink.OPEN, "")
            await self._traffic.pass_on(websocket)
        except ConnectionClosed as error:
            reason = describe_end(error)
        finally:
            self._broke = time.time(), reason
            await websocket.close()
        return reason

    async def _open(self) -> ClientConnection:
        """Return an open websocket, after another login if the last one has expired."""
        path = f"{self._kernel}/channels?session_id={quote(self._session_id, safe='')}"
        find = partial(self._server.websocket, path)
        try:
            return await self._agree(await in_thread(find))
        except LoginRefused:
            ask = partial(self._server.request, "GET", f"{self._kernel}{UNTRACKED}")
            await in_thread(ask)
            return await self._agree(await in_thread(find))

    async def _agree(self, place: WebsocketPlace) -> ClientConnection:
        """Return an open websocket on which both sides speak the same protocol.

        Some proxies pass our offer on, and hide that the server took it. So if no protocol was
        chosen, it is opened again without an offer, now and whenever the link has broken.
        """
        websocket = await open_websocket(place, offers_v1=self._offers_v1)
        if self._offers_v1 and websocket.subprotocol is None:
            self._offers_v1 = False
            await websocket.close()
            websocket = await open_websocket(place, offers_v1=False)
        return websocket

    def _note_gap(self) -> None:
        if self._broke is not None:
            since, why = self._broke
            self._on_gap(LinkGap(since, time.time(), why))

    def _note_overflow(self) -> None:
        now = time.time()
        self._on_gap(LinkGap(now, now, OVERFLOW))


def _delays() -> Iterator[float]:
    """Yield the seconds before each further attempt to connect."""
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1.0)
        delay = min(2 * delay, LONGEST_DELAY)
