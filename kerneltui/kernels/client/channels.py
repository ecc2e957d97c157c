"""The channels of a client: each has a socket, a session, and messages set aside."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import zmq

from kerneltui.errors import ChannelNotOpen, KernelTimeout, ProtocolError
from kerneltui.kernels.client.channel_thread import ChannelThread
from kerneltui.kernels.client.finish import finish
from kerneltui.kernels.connection.session import ClientSession
from kerneltui.kernels.connection.sockets import Context, connect
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import Message, parent_id

ASIDE_LIMIT = 10_000  # messages kept while a caller waits for another one; the oldest are dropped
SENDING = 2.0  # seconds that a request may wait for room in a full channel
HEARTBEAT_TIMEOUT = 1.0  # seconds; jupyter_client's `time_to_dead`


class Source(Protocol):
    """Something that can be waited for."""

    @property
    def channel(self) -> str: ...

    def opened(self) -> Any:
        """Return a socket or a descriptor. Raises RuntimeError while there is none."""


class Waiter(Protocol):
    """What a channel needs of its client, which also notices the kernel's death."""

    async def until_readable(
        self, channels: Sequence[Source], deadline: float | None, asked: int = 0
    ) -> None:
        """Return once one of `channels` has something. Raises KernelTimeout or KernelDied."""

    def refresh(self) -> None:
        """Open the channels again if another process serves the kernel now."""

    def refuse_withdrawn(self, channel: Channel) -> None:
        """Raise KernelDied if this process offers the kernel no longer: nobody reads."""

    def start_channel(self, channel: ClientChannel) -> None:
        """Open a channel beside those that are open."""

    def is_noise(self, message: Message) -> bool:
        """Tell whether a message answers the client's own request, not one of its user."""

    def tap(self, channel: Channel, message: Message) -> None:
        """Take note of a message that was sent or received."""

    def note_sent(self, msg_id: str) -> None:
        """Take note of which process a message was sent to."""


class ClientChannel:
    """One socket to a kernel. A message that fails verification is counted and dropped."""

    def __init__(
        self, channel: Channel, session: ClientSession, waiter: Waiter, thread: ChannelThread
    ) -> None:
        self.channel: Channel = channel
        self.session = session
        self.socket: zmq.Socket[bytes] | None = None
        self.identity: bytes | None = None
        """The identity of the socket, or of the one before it; None for iopub."""
        self.heard = False
        """The socket has carried a message."""
        self.kept = 0
        """How many messages were set aside."""
        self._waiter = waiter
        self._thread = thread
        self._aside: deque[Message] = deque(maxlen=ASIDE_LIMIT)

    def open(self, context: Context, info: ConnectionInfo, identity: bytes) -> None:
        """Connect; if it was connected, messages left on the old socket are lost."""
        self.close()
        self.identity = None if self.channel is Channel.IOPUB else identity
        self.socket = connect(context, info, self.channel, self.identity)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        self.heard = False
        self._aside.clear()

    def start(self) -> None:
        """Connect, unless it is connected."""
        if not self.is_alive():
            self._waiter.start_channel(self)

    def stop(self) -> None:
        with self._thread:
            self.close()

    def is_alive(self) -> bool:
        return self.socket is not None

    def send(self, message: Message) -> None:
        """Send a message. Raises KernelTimeout if nobody takes it, or KernelDied."""
        self._waiter.refresh()
        self._waiter.refuse_withdrawn(self.channel)
        frames = self.session.encode(message)
        with self._thread:
            socket = self.opened()
            if not socket.poll(int(SENDING * 1000), zmq.POLLOUT):
                raise KernelTimeout(
                    f"the {self.channel} channel takes no more in {SENDING:g} s: the kernel reads"
                    " nothing, or is gone"
                )
            socket.send_multipart(frames)
        self._waiter.note_sent(message["msg_id"])
        self._waiter.tap(self.channel, message)

    async def next_message(self, timeout: float | None = None) -> Message:
        """Return the next message. `timeout`: seconds; None waits for ever.

        Raises KernelTimeout (a queue.Empty) or KernelDied.
        """
        self._waiter.refresh()
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            message = self.take_aside() or self.receive()
            if message is not None:
                return message
            await self._waiter.until_readable((self,), deadline)

    def take_all(self) -> list[Message]:
        """Return all messages that are there now."""
        self._waiter.refresh()
        messages = []
        while message := self.take_aside() or self.receive():
            messages.append(message)
        return messages

    def has_message(self) -> bool:
        """Tell whether the next message is there."""
        if not self._aside and (message := self.receive()):
            self.set_aside(message)
        return bool(self._aside)

    def receive(self) -> Message | None:
        """Return the next message on the socket that is for the user; None if there is none."""
        return next(
            (each for each in self.get_everything() if not self._waiter.is_noise(each)), None
        )

    def get_everything(self) -> Iterator[Message]:
        """Yield all valid messages on the socket now, also those for the client itself."""
        while True:
            try:
                with self._thread:
                    frames = self.opened().recv_multipart(zmq.NOBLOCK)
                message = self.session.decode(frames)
            except zmq.Again:
                return
            except ProtocolError:
                continue
            self.heard = True
            self._waiter.tap(self.channel, message)
            yield message

    def opened(self) -> zmq.Socket[bytes]:
        """Return the socket. Raises ChannelNotOpen, or WrongThread in another thread."""
        self._thread.require()
        if self.socket is None:
            raise ChannelNotOpen(self.channel)
        return self.socket

    def set_aside(self, message: Message) -> None:
        self.kept += 1
        self._aside.append(message)

    def has_answer(self, msg_id: str) -> bool:
        """Tell whether an answer to `msg_id` is there; messages that it reads are set aside."""
        while message := self.receive():
            self.set_aside(message)
        return any(parent_id(message) == msg_id for message in self._aside)

    def take_aside(self, msg_id: str | None = None) -> Message | None:
        """Return the oldest message set aside; with a `msg_id`, the oldest that answers it."""
        for index, message in enumerate(self._aside):
            if msg_id is None or parent_id(message) == msg_id:
                del self._aside[index]
                return message
        return None


class BlockingChannel(ClientChannel):
    """A channel whose verbs wait in the thread that calls them."""

    def get_msg(self, timeout: float | None = None) -> Message:
        """Return the next message. `timeout`: seconds; None waits for ever.

        Raises KernelTimeout (a queue.Empty) or KernelDied.
        """
        return finish(self.next_message(timeout))

    def get_msgs(self) -> list[Message]:
        """Return all messages that are there now."""
        return self.take_all()

    def msg_ready(self) -> bool:
        """Tell whether `get_msg` would return at once."""
        return self.has_message()


class HeartbeatChannel:
    """Asks a kernel for a heartbeat when the caller wants one; no thread does so on its own."""

    def __init__(self, where: Callable[[], tuple[Context, ConnectionInfo]]) -> None:
        """`where`: tells where the kernel is; raises ConnectionFileError while that is unknown."""
        self.time_to_dead = HEARTBEAT_TIMEOUT
        """Seconds that an echo may take."""
        self._find = where
        self._where: tuple[Context, ConnectionInfo] | None = None
        self._is_paused = False

    def start(self) -> None:
        self._where = self._find()

    def stop(self) -> None:
        self._where = None

    close = stop

    def pause(self) -> None:
        """Ask for no heartbeat until `unpause`; `is_beating` is False meanwhile."""
        self._is_paused = True

    def unpause(self) -> None:
        self._is_paused = False

    def is_alive(self) -> bool:
        return self._where is not None

    def is_beating(self) -> bool:
        """Tell whether an echo comes in time; a kernel that holds its GIL echoes too."""
        where = self._where
        if where is None or self._is_paused:
            return False
        return has_heartbeat(*where, self.time_to_dead)


def has_heartbeat(
    context: Context, info: ConnectionInfo, timeout: float = HEARTBEAT_TIMEOUT
) -> bool:
    """Tell whether the kernel echoes a heartbeat within `timeout` seconds."""
    # A REQ socket that missed an echo cannot send again, so each heartbeat has its own.
    with connect(context, info, Channel.HB) as socket:
        socket.send(b"ping")
        return bool(socket.poll(int(timeout * 1000)))
