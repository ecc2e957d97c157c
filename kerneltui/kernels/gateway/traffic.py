"""Traffic: passes messages between a relay's sockets and one websocket after the other.

Rule: a request is sent once. What was sent before the link broke is never sent again: it may have
run. What came while there was no link stays in the sockets, and is sent to the same process only.
What comes during a restart stays there too, for the new process: sent earlier, it might get lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException
from websockets.protocol import State

from kerneltui.errors import ProtocolError
from kerneltui.kernels.gateway.relay_sockets import REQUEST_CHANNELS, RelaySockets, Request
from kerneltui.kernels.gateway.reunion import Reunion
from kerneltui.kernels.gateway.routes import Asker, Routes
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Content
from kerneltui.protocol.raw_message import parse_object
from kerneltui.protocol.websocket_frames import MAX_HEADER, WebsocketMessage, decode, encode

PATIENCE = 2.0  # seconds that a subscriber with a full queue may hold back the others
FLUSH_PATIENCE = 1.0  # seconds for the last requests to leave
PAUSE = 0.005  # seconds between two looks whether it has read
RESTARTING, DEAD = "restarting", "dead"
"""The states by which a server tells that the kernel's process has ended by itself."""
ABORTED: Content = {"status": "aborted"}
_log = logging.getLogger(__name__)


def _error(name: str, text: str) -> Content:
    return {"status": "error", "ename": name, "evalue": text, "traceback": []}


DIED = _error("KernelDied", "the kernel's process ended before it replied")
LOST = _error(
    "ConnectionLost", "the link to the server broke before the reply: it may have run, or not"
)


class Traffic:
    """All that passes through one relay. In the gateway's thread."""

    def __init__(self, sockets: RelaySockets, on_overflow: Callable[[], None]) -> None:
        """`on_overflow`: called when a subscriber that does not read begins to lose messages."""
        self._sockets = sockets
        self._on_overflow = on_overflow
        self._routes = {channel: Routes() for channel in (Channel.SHELL, Channel.CONTROL)}
        self._wake = asyncio.Event()
        self._websocket: ClientConnection | None = None
        self._is_held = False
        self._reunion: Reunion | None = None
        self._kernel_session = ""
        """The session of the process that has replied last; "" for a new one, or if not told."""

    def watch(self) -> None:
        """Listen to the local clients."""
        loop = asyncio.get_running_loop()
        for channel, descriptor in self._sockets.descriptors().items():
            loop.add_reader(descriptor, self._on_input, channel)

    def end(self) -> None:
        """Refuse what the local clients still want, and listen no more."""
        loop = asyncio.get_running_loop()
        for descriptor in self._sockets.descriptors().values():
            loop.remove_reader(descriptor)
        self._give_up(LOST)

    def hold(self) -> None:
        """Send no request before `note_restart`: the kernel's process is about to end."""
        self._abort_old()
        self._is_held = True

    def note_restart(self, *, is_certain: bool = True) -> None:
        """Find out what was lost with the old process; `is_certain`: another one serves it now."""
        if is_certain:
            self._abort_old()
            self._kernel_session = ""
        self._is_held = False
        self._begin_reunion(is_restart=is_certain)

    async def flush(self) -> None:
        """Send what has just come, as the relay is about to be closed."""
        if self._websocket is not None:
            with contextlib.suppress(TimeoutError, WebSocketException):
                async with asyncio.timeout(FLUSH_PATIENCE):
                    await self._send_waiting(self._websocket)

    async def pass_on(self, websocket: ClientConnection) -> None:
        """Pass messages in both directions. Raises ConnectionClosed when the websocket ends."""
        self._websocket = websocket
        tasks = {
            asyncio.ensure_future(self._receive(websocket)),
            asyncio.ensure_future(self._send(websocket)),
        }
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            self._websocket = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._begin_reunion(is_restart=self._awaits_new_process)

    # -- from the local clients ----

    def _on_input(self, channel: Channel) -> None:
        if not self._sockets.has_input(channel):
            return
        if channel is Channel.IOPUB:
            self._sockets.welcome()
        elif channel is Channel.HB:
            self._sockets.echo(beats=self._websocket is not None)
        else:
            self._wake.set()

    async def _send(self, websocket: ClientConnection) -> None:
        while True:
            self._wake.clear()
            await self._ask(websocket)
            await self._send_waiting(websocket)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._time_left()):
                    await self._wake.wait()

    @property
    def _is_settled(self) -> bool:
        """Whether the kernel's process is known to be the one that requests are for."""
        return self._websocket is not None and (self._reunion is None or self._reunion.is_over)

    async def _send_waiting(self, websocket: ClientConnection) -> None:
        """Send the requests that have come; if the link is broken they stay for the next one."""
        while (
            websocket.state is State.OPEN
            and self._is_settled
            and not self._is_held
            and (request := self._sockets.next_request())
        ):
            self._note(request)
            await websocket.send(encode(request.message, websocket.subprotocol or ""))

    async def _ask(self, websocket: ClientConnection) -> None:
        """Ask what has to be known before requests are sent, when it is time to."""
        if (reunion := self._reunion_under_way()) is not None:
            for question in reunion.questions():
                await websocket.send(encode(question, websocket.subprotocol or ""))

    def _time_left(self) -> float | None:
        reunion = self._reunion_under_way()
        return None if reunion is None else reunion.time_left()

    def _reunion_under_way(self) -> Reunion | None:
        """Return what is to be asked; nothing of a kernel of which nobody wants anything."""
        reunion = self._reunion
        if self._is_held or reunion is None or reunion.is_over:
            return None
        return reunion if reunion.has_pending or self._has_requests() else None

    @property
    def _awaits_new_process(self) -> bool:
        """Whether a restart was told, and the new process was not met yet."""
        return self._reunion is not None and self._reunion.is_restart and not self._reunion.is_over

    def _has_requests(self) -> bool:
        return any(map(self._sockets.has_input, REQUEST_CHANNELS))

    def _note(self, request: Request) -> None:
        routes = self._routes.get(request.channel)
        if routes is not None:  # nothing replies on stdin
            asker = Asker(request.identity, request.header, request.in_order)
            routes.note_request(request.msg_id, asker)

    # -- from the server ----

    async def _receive(self, websocket: ClientConnection) -> None:
        subprotocol = websocket.subprotocol or ""
        while True:
            frame = await websocket.recv()
            try:
                message = decode(frame, subprotocol)
                if message.channel is Channel.IOPUB:
                    await self._publish(message)
                else:
                    self._route(message)
            except ProtocolError as error:
                _log.info("a server's message was dropped: %s", error)

    async def _publish(self, message: WebsocketMessage) -> None:
        if message.parts[1] == b"{}":
            self._note_state(_told_state(message))
        elif self._reunion is not None and self._reunion.listens:
            self._note_heard(self._reunion, message)
        deadline = time.monotonic() + PATIENCE
        while not self._sockets.publish(message):
            if time.monotonic() > deadline:
                self._sockets.publish(message, to_all=False)
                self._on_overflow()
                break
            await asyncio.sleep(PAUSE)
        if self._sockets.has_input(Channel.IOPUB):  # publishing may hide it from the loop
            self._sockets.welcome()

    def _note_state(self, state: str) -> None:
        if state == DEAD:
            self._give_up(DIED)
        if state in (RESTARTING, DEAD):
            self.note_restart()

    def _note_heard(self, reunion: Reunion, message: WebsocketMessage) -> None:
        if reunion.is_question(fields.text(parse_object(message.parts[1]), "msg_id")):
            reunion.note_heard()
            self._wake.set()

    def _route(self, message: WebsocketMessage) -> None:
        """Pass a message on to the client that it is for."""
        parent = parse_object(message.parts[1])
        asked, channel = fields.text(parent, "msg_id"), message.channel
        if channel is Channel.STDIN:
            asker = self._routes[Channel.SHELL].find(asked)
        else:
            session = _own_session(parse_object(message.parts[0]), parent)
            if self._reunion is not None and self._reunion.is_question(asked):
                self._take_answer(self._reunion, asked, session)
                return
            if self._is_settled:  # else it may be the last word of a process that is gone
                self._kernel_session = session
            asker = self._routes[channel].take_answered(asked)
        if asker is not None:
            self._sockets.reply(message, asker.identity)
        self._wake.set()  # sending may hide from the loop what has come meanwhile

    # -- after a gap or a restart ----

    def _begin_reunion(self, *, is_restart: bool) -> None:
        self._reunion = Reunion(self._routes, is_restart=is_restart)
        self._wake.set()

    def _take_answer(self, reunion: Reunion, asked: str, session: str) -> None:
        """Take the answer to a question of ours; `session`: of the process that gives it."""
        if session and self._kernel_session and session != self._kernel_session:
            self._abort_old()
            reunion.is_restart = True
        self._kernel_session = session
        channel, lost = reunion.take_answer(asked)
        for msg_id in lost:
            self._answer(channel, msg_id, DIED if reunion.is_restart else LOST)
        self._wake.set()

    def _give_up(self, content: Content) -> None:
        """Answer all that was asked of a kernel that will not answer."""
        self._abort_unsent()
        for channel, routes in self._routes.items():
            for msg_id in routes.unanswered():
                self._answer(channel, msg_id, content)

    def _abort_old(self) -> None:
        """Answer what waits, after a gap, for a process that is gone: no other one may run it."""
        reunion = self._reunion
        is_for_new = self._is_held or reunion is None or reunion.is_restart or reunion.is_over
        if not is_for_new:
            self._abort_unsent()

    def _abort_unsent(self) -> None:
        # Taken before anything is answered: whoever has an answer may ask the new process.
        for request in list(iter(self._sockets.next_request, None)):
            if request.channel in self._routes:
                self._sockets.answer(request.channel, request.identity, request.header, ABORTED)

    def _answer(self, channel: Channel, msg_id: str, content: Content) -> None:
        asker = self._routes[channel].take_answered(msg_id)
        if asker is not None:
            self._sockets.answer(channel, asker.identity, asker.header, content)


def _told_state(message: WebsocketMessage) -> str:
    """Return the kernel's state in a message of iopub that tells one, else ""."""
    is_status = fields.text(parse_object(message.parts[0]), "msg_type") == "status"
    if not is_status or len(message.parts[3]) > MAX_HEADER:
        return ""
    return fields.text(parse_object(message.parts[3]), "execution_state")


def _own_session(header: Content, parent: Content) -> str:
    """Return the session of the process that sends a reply; "" if it does not tell.

    Some kernels reply under the session of who asks.
    """
    session = fields.text(header, "session")
    return "" if session == fields.text(parent, "session") else session
