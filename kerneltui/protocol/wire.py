"""Session: write signed messages, and verify received ones.

Rule: split, count, verify, refuse replays, parse, in this order. Until the signature of a
message is verified, nothing of it is remembered or parsed.
"""

from __future__ import annotations

import copy
import hmac
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from kerneltui.errors import (
    InvalidSignature,
    MalformedMessage,
    ProtocolError,
    ReplayedMessage,
    UnsignedMessage,
)
from kerneltui.protocol.connection import SIGNATURE_SCHEME
from kerneltui.protocol.message import PROTOCOL_VERSION, Content, Header, Message, header_of
from kerneltui.protocol.packing import to_json
from kerneltui.protocol.raw_message import DELIMITER, RawMessage, parse_object

HISTORY_SIZE = 16_384  # signatures, about 3 MB; jupyter_client's 65,536 are 12 MB for each socket
PARENT_CACHE_SIZE = 65_536  # bytes; a real parent header has some hundred; a larger one is not kept


class Session:
    """The messages of one socket: its key, its identity, the signatures received so far.

    Make one for each socket. Two subscribers of one kernel both receive the same message: with one
    history for both, the second one would count as a replay.
    """

    def __init__(
        self,
        key: bytes = b"",
        *,
        session: str | None = None,
        username: str = "username",
        signature_scheme: str = SIGNATURE_SCHEME,
        history_size: int = HISTORY_SIZE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.sign_with(key, signature_scheme)
        self.session = session or uuid.uuid4().hex
        self.username = username
        self._history_size = history_size
        self._now = now
        self._begin()

    def _begin(self) -> None:
        """Start as a session that has sent and received nothing."""
        self.refused: Counter[type[ProtocolError]] = Counter()
        """How many messages were refused, by the error they raised."""
        # Not a plain dict: to remove its oldest key, it steps over the gaps of earlier ones.
        self._history: OrderedDict[bytes, None] = OrderedDict()
        self._sent = 0
        self._last_parent: tuple[bytes, Content] = (b"{}", {})

    @property
    def key(self) -> bytes:
        """The key that signs; b"" if nothing is signed."""
        return self._key

    @key.setter
    def key(self, key: bytes) -> None:
        self.sign_with(key, self._signature_scheme)

    @property
    def signature_scheme(self) -> str:
        return self._signature_scheme

    def sign_with(self, key: bytes, signature_scheme: str) -> None:
        """Sign and verify with another key from now on."""
        self._mac = hmac.new(key, digestmod=signature_scheme.removeprefix("hmac-"))
        self._key, self._signature_scheme = key, signature_scheme

    def clone(self) -> Self:
        """Return a session with the same identity and key, and a history of its own."""
        twin = copy.copy(self)
        twin._begin()
        return twin

    @property
    def msg_id(self) -> str:
        """A new id each time it is read; a clone of this session never gives the same one."""
        self._sent += 1
        return f"{self.session}_{uuid.uuid4().hex[:8]}_{self._sent}"

    def new_message(
        self,
        msg_type: str,
        content: Content | None = None,
        *,
        parent: Mapping[str, Any] | None = None,
        metadata: Content | None = None,
        subshell_id: str | None = None,
        buffers: Sequence[bytes] = (),
        msg_id: str | None = None,
    ) -> Message:
        """Return a message of this session.

        `parent`: a message, or the header of one. `msg_id`: instead of a new one.
        """
        header: Header = {
            "msg_id": msg_id or self.msg_id,
            "msg_type": msg_type,
            "session": self.session,
            "username": self.username,
            "date": self._now(),
            "version": PROTOCOL_VERSION,
        }
        if subshell_id is not None:
            header["subshell_id"] = subshell_id
        return {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": msg_type,
            "parent_header": {**header_of(parent)} if parent else {},
            "metadata": metadata or {},
            "content": content or {},
            "buffers": [memoryview(buffer) for buffer in buffers],
        }

    def encode(self, message: Mapping[str, Any], identities: Sequence[bytes] = ()) -> list[bytes]:
        """Return the frames of `message`: identities, delimiter, signature, four parts, buffers.

        Only the header must be there. A content of bytes counts as packed. Raises TypeError or
        ValueError for a value that a message cannot carry.
        """
        content = message.get("content") or {}
        parts = [
            to_json(message["header"]),
            to_json(message.get("parent_header") or {}),
            to_json(message.get("metadata") or {}),
            content if isinstance(content, bytes) else to_json(content),
        ]
        buffers = map(bytes, message.get("buffers") or ())
        return [*identities, DELIMITER, self.sign(parts), *parts, *buffers]

    def decode(self, frames: Sequence[bytes], *, sealed: Collection[str] = ()) -> Message:
        """Return the message carried by `frames`, once proven authentic and new.

        `frames`: zero or more routing identities, b"<IDS|MSG>", the hex signature,
        four JSON frames (header, parent_header, metadata, content), then buffers.
        Buffers are not covered by the signature. An empty key switches the check off.
        `sealed`: message types whose content stays {}; `RawMessage.content` gives it later.
        Raises MalformedMessage, UnsignedMessage, InvalidSignature or ReplayedMessage,
        counts it in `refused`, and raises nothing else.
        Source: "The Wire Protocol", jupyter_client docs/messaging.rst.
        """
        return self.believe(RawMessage(frames), sealed=sealed)

    def believe(
        self, raw: RawMessage, *, sealed: Collection[str] = (), is_last: bool = True
    ) -> Message:
        """Return the message that `raw` carries, as `decode` does.

        `is_last`: False if the same frames will be decoded again; that is not a replay then.
        """
        try:
            signature, parts, buffers = raw.split()
            if self._key:
                self._verify(signature, parts)
                if is_last:
                    self._remember(signature)
            return self._parse(raw.header(), parts, buffers, sealed)
        except ProtocolError as error:
            self.refused[type(error)] += 1
            raise

    def sign(self, parts: Sequence[bytes]) -> bytes:
        """Return the hex signature of four parts, b"" without a key."""
        if not self._key:
            return b""
        mac = self._mac.copy()
        mac.update(b"".join(parts))
        return mac.hexdigest().encode("ascii")

    def _verify(self, signature: bytes, parts: Sequence[bytes]) -> None:
        if not signature:
            raise UnsignedMessage("message without a signature on a connection that has a key")
        if not hmac.compare_digest(signature, self.sign(parts)):
            shown = ascii(signature[:8])[2:-1]
            raise InvalidSignature(
                f"signature {shown}… does not match: the connection's key is not the sender's"
            )
        if signature in self._history:
            raise ReplayedMessage("message was already received on this socket")

    def _remember(self, signature: bytes) -> None:
        self._history[signature] = None
        if len(self._history) > self._history_size:
            self._history.popitem(last=False)

    def _parse(
        self,
        head: Content,
        parts: Sequence[bytes],
        buffers: Sequence[bytes],
        sealed: Collection[str],
    ) -> Message:
        header: Any = _with_date(head)
        msg_id, msg_type = header.get("msg_id"), header.get("msg_type")
        if not (isinstance(msg_id, str) and isinstance(msg_type, str)):
            raise MalformedMessage("message whose header has no msg_id and msg_type")
        return {
            "header": header,
            "msg_id": msg_id,
            "msg_type": msg_type,
            "parent_header": self._parse_parent(parts[1]),
            "metadata": parse_object(parts[2]),
            "content": {} if msg_type in sealed else parse_object(parts[3]),
            "buffers": [memoryview(buffer) for buffer in buffers],
        }

    def _parse_parent(self, part: bytes) -> Content:
        # All that one cell prints has the same parent: parse it once, hand out copies.
        last_part, last_parent = self._last_parent
        if part != last_part:
            last_parent = _with_date(parse_object(part))
            if len(part) <= PARENT_CACHE_SIZE:
                self._last_parent = (part, last_parent)
        return last_parent.copy()


def _with_date(header: Content) -> Content:
    """Return `header` with its date parsed; a date without a zone is local time."""
    date = header.get("date")
    if isinstance(date, str):
        try:
            parsed = datetime.fromisoformat(date)
            header["date"] = parsed if parsed.tzinfo else parsed.astimezone()
        except (ValueError, OverflowError):
            pass  # a message with an odd date is still a message
    return header


def new_msg_id() -> str:
    """Return an id for a message whose session is not known yet."""
    return uuid.uuid4().hex
