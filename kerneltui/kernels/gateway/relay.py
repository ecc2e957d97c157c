"""Relay: a kernel of a Jupyter server, offered to this process on sockets like a local one's."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote

from kerneltui.errors import KernelError, KernelTimeout
from kerneltui.kernels.client.awaiting import in_thread
from kerneltui.kernels.connection.sockets import Context, default_context
from kerneltui.kernels.gateway.gateway_loop import gateway_loop
from kerneltui.kernels.gateway.relay_sockets import RelaySockets, new_info
from kerneltui.kernels.gateway.relay_state import Link, LinkGap, RelayState
from kerneltui.kernels.gateway.traffic import Traffic
from kerneltui.kernels.gateway.websocket import (
    LinkRefused,
    WebsocketServer,
    describe_end,
    open_websocket,
)
from kerneltui.kernels.processes.guarded_thread import Failures

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds between two attempts to connect
STEADY = 10.0  # seconds that a link has to last for the next delay to be a short one
CLOSE_PATIENCE = 10.0  # seconds for the gateway's thread to close a relay
OVERFLOW = "a program did not read what the kernel says"

_log = logging.getLogger(__name__)


class Relay:
    """One websocket for all local clients of one kernel; `info` is what they connect to.

    A client gets the replies to its own requests and all of iopub, as from a local kernel. The
    sockets outlive the websocket: a link that is lost is opened again, under the same session, so
    that the server sends what it has kept. A request that is made meanwhile is sent then, if the
    same process still serves the kernel. If another one does, it is aborted, as are those that
    the old process had not answered: a reply with the status "aborted". A request that was sent
    before, and whose reply was lost, gets a reply with an error that says so.
    """

    def __init__(
        self,
        server: WebsocketServer,
        kernel_id: str,
        *,
        context: Context | None = None,
        session_id: str | None = None,
        on_change: Callable[[RelayState], None] = lambda _state: None,
        on_gap: Callable[[LinkGap], None] = lambda _gap: None,
    ) -> None:
        """`session_id`: of an earlier connection whose missed messages the server has kept.

        `on_change`: called when `state` has changed. `on_gap`: called when messages may have been
        missed. Both are called in the gateway's thread: they return soon, and do not `close`.
        """
        self.kernel_id = kernel_id
        self.session_id = session_id or uuid.uuid4().hex
        self.info = new_info()
        """Where the local clients connect; nothing is there before `start`."""
        self._server = server
        self._context = context
        self._on_change = on_change
        self._on_gap = on_gap
        self._failures = Failures("a listener of a relay")
        self._changed = threading.Condition()
        self._state = RelayState(Link.CONNECTING, time.monotonic())
        self._closing = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._traffic: Traffic | None = None
        self._is_started = False
        self._broke_at: float | None = None

    # -- in any thread ----

    @property
    def state(self) -> RelayState:
        return self._state

    @property
    def dropped(self) -> Counter[str]:
        """How many of the server's messages were for no client, or not understood."""
        return self._traffic.dropped if self._traffic else Counter()

    def start(self) -> None:
        """Open the sockets, and connect in the background. Raises KernelError without room."""
        sockets = RelaySockets(
            self._context or default_context(), self.info, f"kernel.{self.kernel_id}"
        )
        loop = gateway_loop()
        loop.enter()
        self._is_started = True
        loop.submit(self._begin(sockets)).result()

    def wait_open(self, timeout: float) -> None:
        """Wait until the websocket is open. `timeout`: seconds.

        Raises KernelTimeout, or KernelError if it will never be.
        """
        with self._changed:
            settled = (Link.OPEN, Link.CLOSED)
            self._changed.wait_for(lambda: self._state.link in settled, timeout)
            state = self._state
        if state.link is Link.OPEN:
            return
        why = f": {state.reason}" if state.reason else ""
        failed = f"cannot connect to kernel {self.kernel_id[:8]} of the server"
        if state.link is Link.CLOSED:
            raise KernelError(f"{failed}{why}")
        raise KernelTimeout(f"{failed} in {timeout:g} s{why}")

    def close(self) -> None:
        """Close the websocket and the sockets; the kernel goes on. No effect the second time."""
        with self._closing:
            if not self._is_started:
                return
            self._is_started = False
            loop = gateway_loop()
            try:
                loop.submit(self._end()).result(CLOSE_PATIENCE)
            finally:
                loop.leave()

    # -- in the gateway's thread ----

    async def _begin(self, sockets: RelaySockets) -> None:
        self._traffic = Traffic(sockets, self._note_overflow)
        self._traffic.watch()
        self._task = asyncio.ensure_future(self._serve(sockets, self._traffic))

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _serve(self, sockets: RelaySockets, traffic: Traffic) -> None:
        reason = "it was closed here"
        try:
            await self._keep_open(traffic)
        except LinkRefused as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a defect must not leave clients waiting
            self._failures.tell(error)
            reason = "it failed"
        finally:
            traffic.end()
            sockets.close()
            self._set(Link.CLOSED, reason)

    async def _keep_open(self, traffic: Traffic) -> None:
        """Connect again and again. Raises LinkRefused when that is of no use."""
        delays = _delays()
        while True:
            begun = time.monotonic()
            try:
                reason = await self._connect(traffic)
            except LinkRefused:
                raise
            except KernelError as error:
                reason = str(error)
            self._set(Link.LOST, reason)
            if time.monotonic() - begun > STEADY:
                delays = _delays()
            await asyncio.sleep(next(delays))

    async def _connect(self, traffic: Traffic) -> str:
        """Serve one websocket to its end, and return why it ended. Raises KernelError."""
        path = f"api/kernels/{quote(self.kernel_id, safe='')}/channels"
        path += f"?session_id={quote(self.session_id, safe='')}"
        place = await in_thread(partial(self._server.websocket, path))
        websocket = await open_websocket(place)
        from websockets.exceptions import ConnectionClosed

        try:
            self._note_gap()
            self._set(Link.OPEN, "")
            await traffic.pass_on(websocket)
        except ConnectionClosed as error:
            return describe_end(error)
        finally:
            self._broke_at = time.time()
            await websocket.close()
        return "it ended"

    def _note_gap(self) -> None:
        if self._broke_at is not None:
            self._tell_gap(LinkGap(self._broke_at, time.time(), self._state.reason))

    def _note_overflow(self) -> None:
        now = time.time()
        self._tell_gap(LinkGap(now, now, OVERFLOW))

    def _tell_gap(self, gap: LinkGap) -> None:
        _log.info("messages of kernel %s may be missing: %s", self.kernel_id[:8], gap.why)
        self._failures.attempt(partial(self._on_gap, gap))

    def _set(self, link: Link, reason: str) -> None:
        if (link, reason) == (self._state.link, self._state.reason):
            return
        with self._changed:
            self._state = RelayState(link, time.monotonic(), reason)
            self._changed.notify_all()
        self._failures.attempt(partial(self._on_change, self._state))


def _delays() -> Iterator[float]:
    """Yield the seconds before each further attempt to connect."""
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1.0)
        delay = min(2 * delay, LONGEST_DELAY)
