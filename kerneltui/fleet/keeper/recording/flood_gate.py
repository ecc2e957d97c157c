"""FloodGate: reads a kernel's iopub, and skips output that comes too fast to be read.

Topics tell statuses from output. While the gate is closed, the SUB socket subscribes only to the
topics of statuses, of code and of how a cell ends: zmq drops the output that waits, and the kernel
stops sending it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import zmq

from kerneltui.kernels.connection.sockets import Context, connect
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.raw_message import RawMessage

WAITING = 50_000  # messages that may wait in the socket, some 3 KB each: the last bound
READ_IN_A_ROW = 40_000  # messages read without a pause, after which the gate closes
READ_BYTES = 64_000_000  # the same for large messages
PAUSE = 0.5  # seconds that it stays closed at least
MAX_TOPICS = 16
TOPIC_LENGTH = 256  # bytes
STATES = ("status", "execute_input")
SKIPPED = "the kernel says more than can be read; output is skipped"
ENDINGS = ("error", "execute_result")
"""Messages that may end a cell. Most kernels build their topics like those of statuses."""
_KEPT = (*STATES, *ENDINGS, "iopub_welcome")


class FloodGate:
    """One subscription to all that a kernel publishes. Used by one thread."""

    def __init__(self, context: Context, info: ConnectionInfo) -> None:
        self.socket = connect(context, info, Channel.IOPUB, waiting=WAITING)
        self.has_more = False
        """There may be more than was read last."""
        self.opens_at: float | None = None
        """An instant of `time.monotonic()` while the gate is closed, else None."""
        self._topics: set[bytes] = set()
        self._knows_statuses = False
        self._subscribed: tuple[bytes, ...] = ()
        self._count = self._size = 0

    @property
    def is_closed(self) -> bool:
        return self.opens_at is not None

    def close(self) -> None:
        self.socket.close(linger=0)

    def receive(self, most: int, most_bytes: int) -> Iterator[RawMessage]:
        """Yield waiting messages, up to `most` or `most_bytes`, without those that are skipped.

        Opens or closes the gate at the end.
        """
        count = size = 0
        while count < most and size < most_bytes:
            frames = self._next()
            if not frames:
                self._adjust(0, 0)
                return
            raw = RawMessage(frames)
            count += 1
            size += raw.size
            if self._admits(raw):
                yield raw
        self._adjust(count, size)

    def _next(self) -> list[bytes]:
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return []

    def _admits(self, raw: RawMessage) -> bool:
        """Tell whether a message is kept, and learn the topics of statuses and of code."""
        topic = raw.frames[0]
        if self.is_closed:  # some kernels have one topic for all
            return raw.msg_type in _KEPT
        may_be_learnt = len(topic) <= TOPIC_LENGTH and len(self._topics) < MAX_TOPICS
        if topic not in self._topics and may_be_learnt and raw.msg_type in STATES:
            self._topics.add(topic)
            self._knows_statuses |= raw.msg_type == "status"
        return True

    def _adjust(self, count: int, size: int) -> None:
        """Count what was read without a pause, and open or close the gate if it is time to."""
        self.has_more = count > 0
        self._count, self._size = (
            (self._count + count, self._size + size) if self.has_more else (0, 0)
        )
        now = time.monotonic()
        is_flood = self._count >= READ_IN_A_ROW or self._size >= READ_BYTES
        if self.opens_at is None and is_flood and self._knows_statuses:
            self._shut(now)
        elif self.opens_at is not None and now >= self.opens_at and not self.has_more:
            self._open()

    def _shut(self, now: float) -> None:
        self.opens_at = now + PAUSE
        self._count = self._size = 0
        self._subscribed = (*self._topics, *_topics_of_endings(self._topics))
        for topic in self._subscribed:
            self.socket.subscribe(topic)
        self.socket.unsubscribe(b"")

    def _open(self) -> None:
        self.opens_at = None
        self.socket.subscribe(b"")
        for topic in self._subscribed:
            self.socket.unsubscribe(topic)
        _give_memory_back()


def _topics_of_endings(topics: Iterable[bytes]) -> set[bytes]:
    return {
        topic.replace(b"status", ending.encode())
        for topic in topics
        if b"status" in topic
        for ending in ENDINGS
    }


def _give_memory_back() -> None:
    """Have the C library return a flood's memory to the system: by itself it keeps it."""
    import ctypes  # 2 ms that no start should wait for

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)
