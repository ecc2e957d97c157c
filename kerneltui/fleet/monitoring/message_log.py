"""MessageLog: the latest messages of one kernel, including other clients' on iopub.

It keeps the JSON as it was on the wire, which is parsed only when a user looks at it: so a flood
costs one row for each message. Signatures and keys are never kept.
"""

from __future__ import annotations

import functools
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from threading import Lock
from typing import Any, NamedTuple, Protocol

from kerneltui.bounded import Bounded
from kerneltui.errors import ProtocolError
from kerneltui.fleet.model.masking import MASK
from kerneltui.frozen import frozen
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.text import clean_line
from kerneltui.protocol.wire import Session

MAX_RECORDS = 2_000
MAX_BYTES = 4_000_000
TOTAL_BYTES = 32_000_000
"""For all logs together: if there are many, each may take less than MAX_BYTES."""
MAX_PART = 32_000
"""Bytes kept of a header, of metadata or of a content; the rest is cut."""
MAX_INDENTED = 90_000  # characters of one part with its indents
MAX_UNANSWERED = 1_000  # requests that wait for a reply, and as many sessions known as ours
TYPE_WIDTH = 40  # characters
TYPE_LIMIT = 400  # characters of a type before it is cleaned, so that the cache holds no long ones
_NAME_LIMIT = 64  # characters of a sender's session and user name
_RECORD_BYTES = 700  # of a record besides the text of its parts, about

UNSHOWN = "nested too deep to be shown"

PARTS = ("header", "parent_header", "metadata", "content")


class MessageRecord(NamedTuple):
    """One message. A tuple: a flood makes ten thousands of them a second."""

    number: int
    """Counted since the log began; never given twice."""
    time: float
    """When it was sent or received, an instant of `time.monotonic()`."""
    channel: Channel
    sent: bool
    """Whether a client of ours sent it."""
    msg_type: str
    """Clean text."""
    session: str
    """The client that sent it or that it answers; "" if the kernel sent it by itself."""
    username: str
    size: int
    """Bytes of content and buffers."""
    latency: float | None
    """Seconds since the request that it replies to; None if that was not ours."""
    parts: tuple[bytes, ...]
    """JSON of the four `PARTS`, each cut to MAX_PART."""
    cut: int
    """Bytes of the parts that were not kept."""
    buffers: tuple[int, ...]
    """The size of each buffer in bytes."""


@frozen
class MessageLogView:
    """A log at one moment."""

    records: tuple[MessageRecord, ...] = ()
    ours: frozenset[str] = frozenset()
    """The sessions of our clients."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """How many messages failed verification, by the name of the error."""
    version: int = 0
    """A number that changes if, and only if, the log changes."""


class MessageSource(Protocol):
    """What a pane reads messages from: a log, or a copy of one of another host."""

    def view(self) -> MessageLogView:
        """Return the log as it is now: the same object until something changes."""


class MessageLog:
    """Written and read in any thread; the oldest messages go when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, secret: bytes = b"") -> None:
        """`secret`: the connection's key, which is masked everywhere in the messages."""
        self._clock = clock
        self._secret = secret
        self._lock = Lock()
        self._records: deque[MessageRecord] = deque()
        self._size = 0
        self._limit = MAX_BYTES
        self._number = 0
        self._unanswered: Bounded[str, float] = Bounded(MAX_UNANSWERED)
        self._ours: Bounded[str, None] = Bounded(MAX_UNANSWERED)
        self._refused: Counter[str] = Counter()
        self.kernel_info: Mapping[str, Any] = {}
        """The content of the kernel's last kernel_info_reply, {} before. Rebound, never changed."""
        self._version = 0
        self._view: MessageLogView | None = MessageLogView()

    def hear(self, received: Sequence[tuple[RawMessage, Message]]) -> None:
        """Add the iopub messages of one turn, each as it was received and as it was decoded."""
        skipped = max(0, len(received) - MAX_RECORDS)
        with self._lock:
            self._number += skipped
            for raw, message in received[skipped:]:
                _, parts, buffers = raw.split()
                sizes = tuple(map(len, buffers))
                self._add(Channel.IOPUB, message, parts, sizes, sent=False)

    def tap(self, session: Session, channel: Channel, message: Message) -> None:
        """Add a message that the client or manager with this session sent or received."""
        sent = fields.text(message["header"], "session") == session.session
        self.add(channel, message, sent=sent)

    def add(self, channel: Channel, message: Message, *, sent: bool) -> None:
        """Add a message that a client of ours sent or received."""
        parts = [_to_json(message[part]) for part in PARTS]  # type: ignore[literal-required]  # of PARTS
        sizes = tuple(buffer.nbytes for buffer in message["buffers"])
        if message["msg_type"] == "kernel_info_reply":
            self.kernel_info = message["content"]
        with self._lock:
            if sent:
                self._ours[_name(message["header"], "session")] = None
            self._add(channel, message, parts, sizes, sent=sent)

    def refuse(self, refused: Mapping[type[ProtocolError], int]) -> None:
        """Count messages that failed verification."""
        if refused:
            with self._lock:
                self._refused.update({error.__name__: count for error, count in refused.items()})
                self._changed()

    def limit(self, size: int) -> None:
        """Keep at most so many bytes from now on, and never more than MAX_BYTES."""
        with self._lock:
            self._limit = min(MAX_BYTES, size)
            if self._trim():
                self._changed()

    def is_ours(self, session: str) -> bool:
        """Tell whether a client of ours has this session."""
        with self._lock:
            return session[:_NAME_LIMIT] in self._ours

    def view(self) -> MessageLogView:
        """Return the log as it is now: the same object until something changes."""
        with self._lock:
            if self._view is None:
                self._view = MessageLogView(
                    tuple(self._records),
                    frozenset(self._ours),
                    dict(self._refused),
                    self._version,
                )
            return self._view

    # -- with the lock held ----

    def _add(
        self,
        channel: Channel,
        message: Message,
        parts: Sequence[bytes],
        buffers: tuple[int, ...],
        *,
        sent: bool,
    ) -> None:
        now = self._clock()
        client = message["header"] if sent else message["parent_header"]
        kept = tuple(self._masked(part)[:MAX_PART] for part in parts)
        record = MessageRecord(
            number=self._number,
            time=now,
            channel=channel,
            sent=sent,
            msg_type=_clean_type(message["msg_type"][:TYPE_LIMIT]),
            session=_name(client, "session"),
            username=_name(client, "username"),
            size=len(parts[-1]) + sum(buffers),
            latency=self._latency(message, now, sent=sent),
            parts=kept,
            cut=sum(max(0, len(part) - MAX_PART) for part in parts),
            buffers=buffers[:MAX_UNANSWERED],
        )
        self._number += 1
        self._records.append(record)
        self._size += _measure(record)
        self._trim()
        self._changed()

    def _trim(self) -> bool:
        """Drop the oldest records if there are too many; tell whether any were dropped."""
        before = len(self._records)
        while len(self._records) > MAX_RECORDS or (
            self._size > self._limit and len(self._records) > 1
        ):
            self._size -= _measure(self._records.popleft())
        return len(self._records) < before

    def _masked(self, part: bytes) -> bytes:
        if not self._secret or self._secret not in part:
            return part
        return part.replace(self._secret, MASK.encode())

    def _latency(self, message: Message, now: float, *, sent: bool) -> float | None:
        if sent:
            self._unanswered[message["msg_id"]] = now
            return None
        if not message["msg_type"].endswith("_reply"):
            return None
        asked = self._unanswered.pop(parent_id(message), None)
        return None if asked is None else now - asked

    def _changed(self) -> None:
        self._version += 1
        self._view = None


def pretty(record: MessageRecord) -> list[tuple[str, str]]:
    """Return the parts of a message by name, content first, as indented JSON, not cleaned."""
    texts = dict(zip(PARTS, map(_indented, record.parts), strict=True))
    shown = [("content", texts.pop("content")), *texts.items()]
    if record.buffers:
        sizes = ", ".join(f"{size:,}" for size in record.buffers)
        shown.insert(1, ("buffers", f"{len(record.buffers)}, of {sizes} bytes"))
    return shown


_INDENTING = json.JSONEncoder(indent=2, ensure_ascii=False)


def _head(pieces: Iterable[str]) -> str:
    """Return JSON up to MAX_INDENTED characters: with indents, deep nesting makes it long."""
    kept, size = [], 0
    for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size > MAX_INDENTED:
            kept.append("\n… and more: indented it is too long to show")
            break
    return "".join(kept)


def _indented(part: bytes) -> str:
    text = part.decode("utf-8", "replace")
    if len(part) < MAX_PART:
        try:
            return _head(_INDENTING.iterencode(json.loads(text)))
        except (ValueError, RecursionError):
            return text
    return f"{text}…"


def _to_json(value: object) -> bytes:
    # A caller may put any value into a message; here it only has to be shown.
    try:
        text = json.dumps(value, ensure_ascii=False, default=str, skipkeys=True)
    except (ValueError, RecursionError):  # a cycle, or nested as deep as the parser allows
        text = json.dumps(f"… {UNSHOWN}")
    return text.encode("utf-8", "replace")


@functools.lru_cache(maxsize=256)
def _clean_type(msg_type: str) -> str:
    return clean_line(msg_type, TYPE_WIDTH)


def _name(header: Mapping[str, Any], key: str) -> str:
    return fields.text(header, key, limit=_NAME_LIMIT)


def _measure(record: MessageRecord) -> int:
    """Return about how many bytes a record takes in memory."""
    return _RECORD_BYTES + sum(map(len, record.parts)) + 8 * len(record.buffers)
