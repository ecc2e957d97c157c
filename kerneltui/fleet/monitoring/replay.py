"""Replay: reads back from a recording what a kernel said before this process listened.

The SUB socket subscribes first, also to a topic of its own; the recorder hears the welcome to that
topic, too. If the recording has this welcome, or the first message heard here, it has everything
that was said before. Messages that come meanwhile are held; the past ends before the first of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kerneltui.errors import ProtocolError
from kerneltui.fleet.keeper.recording.beside import is_beside_status
from kerneltui.fleet.keeper.recording.format import NOT_RECORDED, Record, RecordKind
from kerneltui.fleet.keeper.recording.recording import (
    Gap,
    Growth,
    ProcessStarted,
    read_recording,
    unheard_since,
)
from kerneltui.fleet.transcript.batch import OUTPUT_TYPES, Received
from kerneltui.kernels.connection.session import session_for
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.raw_message import RawMessage

RECORD_TIME = 2.0  # seconds to wait until a welcome, a message or the kernel's end is recorded
LOOK = 0.05  # seconds between two looks at the recording
TURN_RECORDS = 1_000  # read in one turn, so that other kernels are heard as well
FRESH_IDS = 1_000  # at the end of a recording: these messages may come once more on iopub
LATE = 5.0  # seconds before the subscription that the recorder may have begun
OVERLAP = 10_000  # bytes: more than a welcome or a header takes

Past = ProcessStarted | Gap | Received


class Replay:
    """One recording, read in turns; used by the monitor's thread."""

    def __init__(self, path: Path, info: ConnectionInfo, topic: bytes) -> None:
        self.over = False
        self._path = path
        self._info = info
        self._topic = topic
        self._growth = Growth(path, OVERLAP)
        self._opened_at = self._looked_at = time.monotonic()
        self._came_at = time.time()
        self._heard_since = math.inf
        """When the first message was heard here, in seconds since the epoch."""
        self._recorded_until = self._told_until = 0.0
        """The time of the last record, and the end of a gap if that is the last record."""
        self._has_ended = self._is_heard_to_its_end = self._is_whole = False
        self._signs = [topic]
        """Bytes that prove, once they are recorded, that the recorder hears what is heard here."""
        self._records: Iterator[Record] | None = None
        self._session = session_for(info)
        self._held: list[Received] = []
        self._held_ids: set[str] = set()
        self._ids: dict[str, None] = {}
        """The ids of the messages that were read, in their order."""

    @property
    def due(self) -> float:
        """When to go on, an instant of `time.monotonic()`."""
        return 0.0 if self._records is not None else self._looked_at + LOOK

    def hurry(self) -> None:
        """Stop waiting: the subscription is about to be closed."""
        self._opened_at = -math.inf

    def note_end(self) -> None:
        """Take note that the process has ended, so that a welcome may not come."""
        self._has_ended = True

    def hold(self, received: list[Received]) -> None:
        """Keep received messages until the past is told."""
        if received and self._heard_since == math.inf:
            self._heard_since = time.time()
        recorded = next((raw for raw, _ in received if not is_beside_status(raw)), None)
        if recorded is not None and len(self._signs) == 1:
            _, (header, *_), _ = recorded.split()
            self._signs.append(header)
            self._growth.rewind()
        for raw, message in received:
            if message["msg_type"] != "iopub_welcome":
                self._held.append((raw, message))
                self._held_ids.add(message["msg_id"])

    def read(self) -> list[Past]:
        """Return the next part of the past; nothing until it is complete or RECORD_TIME is over."""
        if self._records is None:
            self._looked_at = time.monotonic()
            if not self._is_due():
                return []
            self._records = read_recording(self._path)
        found: list[Past] = []
        for _ in range(TURN_RECORDS):
            record = self._next(self._records)
            past = self._decoded(record) if record else None
            if past is None:
                self.over = True
                return [*found, *self._last_gap(record)]
            found += past
        return found

    def release(self) -> list[Received]:
        """Return the held messages that are not in the recording."""
        return [each for each in self._held if each[1]["msg_id"] not in self._ids]

    def known_ids(self) -> frozenset[str]:
        """Return the ids of recorded messages that may come once more on iopub."""
        return frozenset(list(self._ids)[-FRESH_IDS:])

    def _is_due(self) -> bool:
        self._is_heard_to_its_end = self._has_ended and unheard_since(self._path) is None
        self._is_whole = self._is_heard_to_its_end or self._has_sign()
        return self._is_whole or time.monotonic() - self._opened_at >= RECORD_TIME

    def _has_sign(self) -> bool:
        try:
            grown = self._growth.read()
        except OSError:
            return False
        return any(sign in each for sign in self._signs for each in grown)

    def _next(self, records: Iterator[Record]) -> Record | None:
        try:
            return next(records, None)
        except OSError as error:
            why = f"unreadable: {error.strerror}"
            return Record(RecordKind.GAP, self._came_at, Gap(self._came_at, self._came_at, why))

    def _decoded(self, record: Record) -> list[Past] | None:
        """Return what a record tells; None at the first record of what was heard here."""
        value = record.value
        if isinstance(value, list):
            return self._decoded_message(record.at, value)
        if isinstance(value, ProcessStarted):  # it may repeat what the one before has said
            self._session = session_for(self._info)
            value = replace(value, at=record.at)
        elif not self._is_whole and record.at > self._heard_since:
            return None  # this recorder began after the subscription here
        else:
            self._told_until = value.until
        self._recorded_until = record.at
        return [value]

    def _decoded_message(self, at: float, frames: list[bytes]) -> list[Past] | None:
        if frames[:1] == [self._topic] and not self._is_heard_to_its_end:
            return None
        raw = RawMessage(frames)
        try:
            message = self._session.believe(raw, sealed=OUTPUT_TYPES)
        except ProtocolError:
            return []
        if message["msg_id"] in self._held_ids and not self._is_heard_to_its_end:
            return None
        self._recorded_until, self._told_until = at, 0.0
        if message["msg_type"] == "iopub_welcome":
            return []
        self._ids[message["msg_id"]] = None
        return [(raw, message)]

    def _last_gap(self, beyond: Record | None) -> list[Gap]:
        """Return the gap after a recorder that had ended before the subscription; often none.

        `beyond`: the first record of what was heard here, too.
        """
        if beyond is not None:
            gap = beyond.value
            if isinstance(gap, Gap) and gap.since < self._heard_since:
                return [replace(gap, until=self._heard_since)]
            return []
        is_known_to_miss = self._has_ended or self._heard_since < math.inf
        is_told = self._told_until > self._came_at - LATE
        if self._is_whole or is_told or not is_known_to_miss:
            return []
        return [Gap(min(self._recording_ended_at(), self._came_at), self._came_at, NOT_RECORDED)]

    def _recording_ended_at(self) -> float:
        """Return until when a recorder ran: it marks the file now and then."""
        try:
            written_at = self._path.stat().st_mtime
        except OSError:
            return self._came_at
        return written_at if written_at <= self._came_at else self._recorded_until
