"""ClientSession: a Session with the methods that users of `client.session` know."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import zmq

from kerneltui.arguments import Settings, configured, refuse_unknown
from kerneltui.errors import MalformedMessage
from kerneltui.protocol.connection import SIGNATURE_SCHEME
from kerneltui.protocol.message import Content, Header, Message
from kerneltui.protocol.raw_message import DELIMITER, SIGNED_PARTS, RawMessage
from kerneltui.protocol.wire import Session


class Signer(Protocol):
    """What is needed of a connection info, or of a session that an application has made."""

    @property
    def key(self) -> bytes: ...

    @property
    def signature_scheme(self) -> str: ...


class ClientSession(Session):
    """A client's identity and its factory of messages; names as in `jupyter_client.session`."""

    @configured
    def __init__(
        self,
        *,
        key: bytes | str | None = None,
        session: str | None = None,
        username: str | None = None,
        signature_scheme: str = SIGNATURE_SCHEME,
        config: Settings | None = None,
        parent: object = None,
        **unknown: object,
    ) -> None:
        """`key`: None for a new one, b"" to sign nothing. `username`: None for the user's."""
        refuse_unknown("Session", unknown, ClientSession.__init__)
        if key is None:
            key = secrets.token_hex(32)
        super().__init__(
            key.encode() if isinstance(key, str) else key,
            session=session,
            username=username or os.environ.get("USER", "username"),
            signature_scheme=signature_scheme,
        )
        self.config: Settings = config or {}
        self.parent = parent

    @property
    def bsession(self) -> bytes:
        return self.session.encode("ascii")

    def msg_header(self, msg_type: str) -> Header:
        return self.new_message(msg_type)["header"]

    def msg(
        self,
        msg_type: str | None,
        content: Content | None = None,
        parent: Mapping[str, Any] | None = None,
        header: Header | None = None,
        metadata: Content | None = None,
    ) -> Message:
        """Return a message. `msg_type`: None if a `header` says it."""
        kind = msg_type or (header["msg_type"] if header is not None else "")
        message = self.new_message(kind, content, parent=parent, metadata=metadata)
        if header is not None:
            message["header"] = header
            message["msg_id"], message["msg_type"] = header["msg_id"], header["msg_type"]
        return message

    def serialize(
        self, msg: Mapping[str, Any], ident: bytes | Sequence[bytes] | None = None
    ) -> list[bytes]:
        """Return the frames of `msg`, after the routing identities in `ident`."""
        return self.encode(msg, _as_identities(ident))

    def deserialize(
        self, msg_list: Sequence[Any], content: bool = True, copy: bool = True
    ) -> Message:
        """Return the message of the frames behind the delimiter. Raises ProtocolError.

        `content`: False leaves the content packed, and the same frames may be deserialized again.
        `copy`: False for frames that zmq gives without copying.
        """
        frames = msg_list if copy else map(bytes, msg_list)
        return self._unpacked(RawMessage([DELIMITER, *frames]), content)

    def _unpacked(self, raw: RawMessage, content: bool) -> Message:
        if content:
            return self.believe(raw)
        message = self.believe(raw, sealed=(raw.msg_type,), is_last=False)
        return cast(Message, {**message, "content": raw.split()[1][3]})

    def feed_identities(self, msg_list: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return the routing identities and the frames behind the delimiter.

        Raises MalformedMessage, a ValueError, if there is no delimiter.
        """
        if DELIMITER not in msg_list:
            raise MalformedMessage(f"no delimiter among {len(msg_list)} frames")
        at = list(msg_list).index(DELIMITER)
        return list(msg_list[:at]), list(msg_list[at + 1 :])

    def send(
        self,
        stream: zmq.Socket[Any] | None,
        msg_or_type: Mapping[str, Any] | str | None,
        content: Content | None = None,
        parent: Mapping[str, Any] | None = None,
        ident: bytes | Sequence[bytes] | None = None,
        buffers: Sequence[bytes] | None = None,
        header: Header | None = None,
        metadata: Content | None = None,
    ) -> Message:
        """Send a message, and return it; without a `stream` it is only made.

        `msg_or_type`: the message, or its type, or None if a `header` says the type. With a type or
        None, the other arguments make the message.
        """
        if isinstance(msg_or_type, Mapping):
            message = cast(Message, {"buffers": [], **msg_or_type})
        else:
            message = self.msg(msg_or_type, content, parent, header, metadata)
        message["buffers"] = [*message["buffers"], *(memoryview(each) for each in buffers or ())]
        frames = self.serialize(message, ident)
        if stream is not None:
            _blocking(stream).send_multipart(frames)
        return message

    def send_raw(
        self,
        stream: zmq.Socket[Any],
        msg_list: Sequence[bytes],
        flags: int = 0,
        copy: bool = True,
        ident: bytes | Sequence[bytes] | None = None,
    ) -> None:
        """Sign and send packed parts: header, parent, metadata, content, buffers."""
        head = [*_as_identities(ident), DELIMITER, self.sign(msg_list[:SIGNED_PARTS])]
        _blocking(stream).send_multipart([*head, *msg_list], flags, copy=copy)

    def recv(
        self, socket: zmq.Socket[Any], mode: int = zmq.NOBLOCK, content: bool = True
    ) -> tuple[list[bytes] | None, Message | None]:
        """Return identities and message, (None, None) if there is none. Raises ProtocolError."""
        try:
            frames = _blocking(socket).recv_multipart(mode)
        except zmq.Again:
            return None, None
        message = self._unpacked(RawMessage(frames), content)
        return frames[: frames.index(DELIMITER)], message


def session_for(signer: Signer) -> ClientSession:
    """Return a session that signs with the same key, with an identity of its own."""
    return ClientSession(key=signer.key, signature_scheme=signer.signature_scheme)


def as_ours(session: Signer) -> ClientSession:
    """Return a ClientSession as it is; for another session, one that signs with its key."""
    return session if isinstance(session, ClientSession) else session_for(session)


def renamed(session: ClientSession, identity: str) -> ClientSession:
    """Return a session that signs with the same key, and has another identity."""
    twin = session.clone()
    twin.session = identity
    return twin


def _as_identities(ident: Any) -> Sequence[bytes]:
    if ident is None:
        return ()
    return (ident,) if isinstance(ident, bytes) else ident


def _blocking(socket: zmq.Socket[Any]) -> zmq.Socket[bytes]:
    """Return a plain socket: the methods of a zmq.asyncio socket would return futures."""
    return socket if type(socket) is zmq.Socket else zmq.Socket.shadow(socket.underlying)
