"""ClientSession: a Session with the methods that users of `client.session` know."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import zmq

from kerneltui.errors import MalformedMessage
from kerneltui.protocol.message import Content, Header, Message
from kerneltui.protocol.raw_message import DELIMITER
from kerneltui.protocol.wire import Session


class ClientSession(Session):
    """A client's identity and its factory of messages; names as in `jupyter_client.session`."""

    @property
    def bsession(self) -> bytes:
        return self.session.encode("ascii")

    def msg_header(self, msg_type: str) -> Header:
        return self.new_message(msg_type)["header"]

    def msg(
        self,
        msg_type: str,
        content: Content | None = None,
        parent: Message | None = None,
        header: Header | None = None,
        metadata: Content | None = None,
    ) -> Message:
        message = self.new_message(msg_type, content, parent=parent, metadata=metadata)
        if header is not None:
            message["header"] = header
            message["msg_id"], message["msg_type"] = header["msg_id"], header["msg_type"]
        return message

    def serialize(self, msg: Message, ident: bytes | Sequence[bytes] | None = None) -> list[bytes]:
        """Return the frames of `msg`, after the routing identities in `ident`."""
        return self.encode(msg, _as_identities(ident))

    def deserialize(self, msg_list: Sequence[bytes]) -> Message:
        """Return the message of the frames behind the delimiter. Raises ProtocolError."""
        return self.decode([DELIMITER, *msg_list])

    def feed_identities(self, msg_list: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return the routing identities and the frames behind the delimiter.

        Raises MalformedMessage, a ValueError, where there is no delimiter.
        """
        if DELIMITER not in msg_list:
            raise MalformedMessage(f"no delimiter among {len(msg_list)} frames")
        at = list(msg_list).index(DELIMITER)
        return list(msg_list[:at]), list(msg_list[at + 1 :])

    def send(
        self,
        stream: zmq.Socket[bytes],
        msg_or_type: Message | str,
        content: Content | None = None,
        parent: Message | None = None,
        ident: bytes | Sequence[bytes] | None = None,
        buffers: Sequence[bytes] = (),
        header: Header | None = None,
        metadata: Content | None = None,
    ) -> Message:
        """Send a message, made here where only its type is given, and return it."""
        if isinstance(msg_or_type, str):
            message = self.msg(msg_or_type, content, parent, header, metadata)
        else:
            message = msg_or_type
        message["buffers"] = [*message["buffers"], *(memoryview(buffer) for buffer in buffers)]
        stream.send_multipart(self.serialize(message, ident))
        return message

    def recv(
        self, socket: zmq.Socket[bytes], mode: int = zmq.NOBLOCK
    ) -> tuple[list[bytes] | None, Message | None]:
        """Return identities and message, (None, None) where there is none. Raises ProtocolError."""
        try:
            frames = socket.recv_multipart(mode)
        except zmq.Again:
            return None, None
        message = self.decode(frames)
        return frames[: frames.index(DELIMITER)], message


def new_session(key: bytes, signature_scheme: str) -> ClientSession:
    """Return a session with an identity of its own, in the user's name as the field does."""
    return ClientSession(
        key, username=os.environ.get("USER", "username"), signature_scheme=signature_scheme
    )


def renamed(session: ClientSession, identity: str) -> ClientSession:
    """Return a session that signs alike, and is known to the kernel by another identity."""
    return ClientSession(
        session.key,
        session=identity,
        username=session.username,
        signature_scheme=session.signature_scheme,
    )


def _as_identities(ident: Any) -> Sequence[bytes]:
    if ident is None:
        return ()
    return (ident,) if isinstance(ident, bytes) else ident
