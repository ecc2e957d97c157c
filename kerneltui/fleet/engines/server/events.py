"""EventStream: hears from a Jupyter server at once when anybody starts or ends a kernel there."""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio import sleep
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError, ServerError
from kerneltui.frozen import frozen
from kerneltui.kernels.gateway.event_loop import in_thread
from kerneltui.kernels.gateway.gateway_loop import gateway_loop
from kerneltui.kernels.processes.guarded_thread import Failures
from kerneltui.protocol import fields

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from kerneltui.kernels.gateway.link_keeper import Server

PATH = "api/events/subscribe"
SCHEMA = "kernel_actions"
TOGETHER = 0.1  # seconds within which events are told as one
NOT_YET = 0.5  # seconds until the next attempt before the server is connected
PAUSE = 5.0  # seconds between two attempts to subscribe
SELDOM = 300.0  # seconds until a server that has no events is asked again
MAX_EVENT = 100_000  # characters; longer ones are of no kernel


@frozen
class KernelEvent:
    """What somebody has done to a kernel."""

    action: str
    """"start", "interrupt", "restart" or "shutdown"."""
    kernel_id: str


def kernel_event(text: str | bytes) -> KernelEvent | None:
    """Return the event of a message; None if it is none of a kernel, or tells of a failure."""
    try:
        told = json.loads(text) if len(text) <= MAX_EVENT else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or SCHEMA not in fields.text(told, "schema_id"):
        return None
    if fields.text(told, "status") == "error":
        return None
    return KernelEvent(fields.text(told, "action"), fields.text(told, "kernel_id"))


class EventStream:
    """Subscribes to a server's events for as long as the server has any.

    `is_wanted`: tells whether to subscribe now. `on_events`: called with the events of a moment,
    in the gateway's thread; it must be short.
    """

    def __init__(
        self,
        server: Server,
        is_wanted: Callable[[], bool],
        on_events: Callable[[tuple[KernelEvent, ...]], None],
    ) -> None:
        self._server = server
        self._is_wanted = is_wanted
        self._on_events = on_events
        self._failures = Failures("the events of a server")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        gateway_loop().enter()
        gateway_loop().call(self._begin())

    def stop(self) -> None:
        """End the subscription. No effect the second time, and before `start`."""
        task, self._task = self._task, None
        if task is not None:
            gateway_loop().call(_cancelled(task))
            gateway_loop().leave()

    # -- in the gateway's thread ----

    async def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            pause = PAUSE
            try:
                pause = await self._subscribe()
            except Exception as error:  # noqa: BLE001 - a defect must not end it
                self._failures.tell(error)
            await sleep(pause)

    async def _subscribe(self) -> float:
        """Hear the events of one subscription; return the seconds until the next attempt."""
        if not self._is_wanted():
            return NOT_YET
        try:
            from websockets.exceptions import ConnectionClosed

            from kerneltui.kernels.gateway.websocket import is_final, open_websocket
        except ModuleNotFoundError:  # the poller tells that
            return SELDOM
        try:
            websocket = await open_websocket(await in_thread(partial(self._server.websocket, PATH)))
        except KernelError as error:  # the poller tells why
            return SELDOM if isinstance(error, ServerError) and is_final(error) else PAUSE
        try:
            await self._hear(websocket)
        except ConnectionClosed:
            pass
        finally:
            await websocket.close()
        return PAUSE

    async def _hear(self, websocket: ClientConnection) -> None:
        """Pass events on until the websocket ends. Raises ConnectionClosed."""
        while True:
            told = [await websocket.recv()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TOGETHER):
                    while True:
                        told.append(await websocket.recv())
            events = tuple(filter(None, map(kernel_event, told)))
            if events:
                self._failures.attempt(partial(self._on_events, events))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
