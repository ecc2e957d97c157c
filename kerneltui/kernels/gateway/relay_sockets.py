"""RelaySockets: the five sockets by which this process offers a kernel over inproc."""

from __future__ import annotations

import secrets
import uuid
from collections import deque
from collections.abc import Sequence

import zmq

from kerneltui.errors import KernelError, MalformedMessage, ProtocolError
from kerneltui.kernels.connection import inproc
from kerneltui.kernels.connection.sockets import Context
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import Content, Message
from kerneltui.protocol.raw_message import DELIMITER, RawMessage, parse_object
from kerneltui.protocol.websocket_frames import WebsocketMessage
from kerneltui.protocol.wire import Session

REQUEST_CHANNELS = (Channel.CONTROL, Channel.STDIN, Channel.SHELL)
"""In the order in which they are read: an interrupt does not wait behind cells."""
TOPIC_LENGTH = 200  # bytes of a message type that become part of a topic
REQUEST, REPLY = "_request", "_reply"  # endings of message types
_KINDS = {
    **dict.fromkeys(REQUEST_CHANNELS, zmq.ROUTER),
    Channel.IOPUB: zmq.XPUB,
    Channel.HB: zmq.ROUTER,  # unlike a REP, it can leave a heartbeat unanswered
}


def new_info() -> ConnectionInfo:
    """Return names of sockets that nothing else has, and a new key."""
    ports = {channel: number for number, channel in enumerate(Channel, start=1)}
    key = secrets.token_hex(32).encode()
    return ConnectionInfo("inproc", f"relay-{uuid.uuid4().hex}", ports, key=key)


class Request:
    """One request of a local client: who sent it, and its raw parts."""

    def __init__(self, channel: Channel, raw: RawMessage, message: Message) -> None:
        self.channel = channel
        self.identity = raw.frames[0]
        self.msg_id = message["msg_id"]
        is_beside = "subshell_id" in message["header"]
        self.in_order = _wants_reply(message["msg_type"]) and not is_beside
        """Whether the kernel replies to it, after earlier ones and before later ones."""
        _, self._parts, self._buffers = raw.split()

    @property
    def header(self) -> bytes:
        return self._parts[0]

    @property
    def message(self) -> WebsocketMessage:
        return WebsocketMessage(self.channel, self._parts, self._buffers)


class RelaySockets:
    """Bound sockets, with a key of their own. Used by one thread.

    A subscriber whose queue is full holds back what is published until it reads: none of its
    messages is lost without notice.
    """

    def __init__(self, context: Context, info: ConnectionInfo, topic: str) -> None:
        """`topic`: what the topics of iopub begin with. Raises KernelError without room."""
        self.info = info
        self._topic = topic.encode("utf-8", "replace")
        self._session = Session(info.key, history_size=1)  # no other process can replay here
        self._sockets: dict[Channel, zmq.Socket[bytes]] = {}
        try:
            for channel in Channel:
                self._sockets[channel] = _bound(context, self.info, channel)
        except zmq.ZMQError as error:
            failed = f"cannot open sockets for a kernel of a server: {error}"
            self.close(failed)
            raise KernelError(failed) from None
        inproc.offer(self.info.ip)

    def close(self, reason: str) -> None:
        """Close them; `reason`: for clients that come too late."""
        inproc.withdraw(self.info.ip, reason)
        for socket in self._sockets.values():
            socket.close(linger=0)

    def descriptors(self) -> dict[Channel, int]:
        """Return what to wait for: readable when `has_input` has to be asked again."""
        return {channel: socket.fileno() for channel, socket in self._sockets.items()}

    def has_input(self, channel: Channel) -> bool:
        """Tell whether something came; the channel's descriptor is silent after this."""
        return bool(int(self._sockets[channel].getsockopt(zmq.EVENTS)) & zmq.POLLIN)

    # -- from the local clients ----

    def next_request(self) -> Request | None:
        """Return the next request; those that fail verification are dropped."""
        waiting = deque(REQUEST_CHANNELS)
        while waiting:
            try:
                frames = self._sockets[waiting[0]].recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                waiting.popleft()
                continue
            raw = RawMessage(frames)
            try:
                message = self._session.believe(raw, sealed=(raw.msg_type,))
            except ProtocolError:
                continue
            return Request(waiting[0], raw, message)
        return None

    def welcome(self) -> None:
        """Welcome new subscriptions, as kernels of protocol 5.5 do."""
        while (frames := self._received(Channel.IOPUB)) is not None:
            if frames[0][:1] == b"\x01":
                topic = frames[0][1:]
                content = {"subscription": topic.decode("utf-8", "replace")}
                message = self._session.new_message("iopub_welcome", content)
                self._send(Channel.IOPUB, self._session.encode(message, [topic]))

    def echo(self, *, beats: bool) -> None:
        """Take heartbeats, and answer them if the kernel `beats`."""
        while (frames := self._received(Channel.HB)) is not None:
            if beats:
                self._send(Channel.HB, frames)

    def _received(self, channel: Channel) -> list[bytes] | None:
        try:
            return self._sockets[channel].recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    # -- to the local clients ----

    def reply(self, message: WebsocketMessage, identity: bytes) -> None:
        """Send a message to one client, if it is still there."""
        self._send(message.channel, self._frames(identity, message))

    def answer(self, channel: Channel, identity: bytes, header: bytes, content: Content) -> None:
        """Reply to a request ourselves; `header`: the request's."""
        asked = parse_object(header)
        msg_type = fields.text(asked, "msg_type")
        if not _wants_reply(msg_type):
            return
        reply = self._session.new_message(msg_type.replace(REQUEST, REPLY), content, parent=asked)
        self._send(channel, self._session.encode(reply, [identity]))

    def publish(self, message: WebsocketMessage, *, to_all: bool = True) -> bool:
        """Publish a message; return False, and do nothing, if a subscriber's queue is full.

        `to_all`: False leaves those subscribers out. Raises MalformedMessage without a msg_type.
        """
        msg_type = parse_object(message.parts[0]).get("msg_type")
        if not isinstance(msg_type, str):
            raise MalformedMessage("message whose header has no msg_type")
        topic = b"%b.%b" % (self._topic, msg_type.encode("utf-8", "replace")[:TOPIC_LENGTH])
        frames = self._frames(topic, message)
        if to_all:
            return self._send(Channel.IOPUB, frames)
        publisher = self._sockets[Channel.IOPUB]
        publisher.setsockopt(zmq.XPUB_NODROP, 0)
        try:
            return self._send(Channel.IOPUB, frames)
        finally:
            publisher.setsockopt(zmq.XPUB_NODROP, 1)

    def _frames(self, first: bytes, message: WebsocketMessage) -> list[bytes]:
        signature = self._session.sign(message.parts)
        return [first, DELIMITER, signature, *message.parts, *message.buffers]

    def _send(self, channel: Channel, frames: Sequence[bytes]) -> bool:
        try:
            self._sockets[channel].send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return False
        return True


def _wants_reply(msg_type: str) -> bool:
    return msg_type.endswith(REQUEST)  # the messages of comms do not


def _bound(context: Context, info: ConnectionInfo, channel: Channel) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = context.socket(_KINDS[channel], socket_class=zmq.Socket)
    try:
        if channel is Channel.IOPUB:
            socket.setsockopt(zmq.XPUB_NODROP, 1)
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # each subscription is told, not each new topic
        else:
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # tells who is gone
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # as kernels: a new client may take a name
            socket.sndhwm = 0  # replies are as many as the client's requests
        socket.bind(info.endpoint(channel))
    except BaseException:
        socket.close()
        raise
    return socket
