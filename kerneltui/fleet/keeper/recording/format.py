"""Encodes and decodes the records of a recording, each with a checksum.

So damage costs only the records that it hit. Rule: a length in a file is not believed before it is
checked against a bound.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import field
from enum import IntEnum
from typing import NamedTuple

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity

GENERATION = 8_000_000  # bytes of a file; there are two
MAX_MESSAGE = 4_000_000  # bytes of one message's frames, with their lengths
DAMAGED = "the recording is damaged"
DROPPED = "older output was dropped"
NOT_RECORDED = "nothing was recorded"

_MAGIC = b"\xfeKT\x01"
_HEAD = struct.Struct(">4sBdII")  # magic, kind, time, length of the body, checksum of the rest
_SUMMED = struct.Struct(">BdI")
_LENGTH = struct.Struct(">I")
_PROCESS = struct.Struct(">IQ")
_SPAN = struct.Struct(">dd")
LATEST = 253_402_300_800.0  # the end of the year 9999, the last of `datetime`
_MAX_FALSE_STARTS = 100  # false beginnings of records, after which the rest is given up


@frozen
class ProcessStarted:
    """From here on, this process is recorded."""

    identity: ProcessIdentity
    at: float = field(default=0.0, compare=False)
    """When it was noted, in seconds since the epoch."""


@frozen
class Gap:
    """Between two instants, in seconds since the epoch, something may be missing."""

    since: float
    until: float
    why: str


class RecordKind(IntEnum):
    """What a record holds. The numbers are in files."""

    MESSAGE = 1
    BEGAN = 2
    GAP = 3
    EARLIER = 4
    """A gap at the head of a generation; it counts once the generation before is gone."""
    ENDED = 5
    """The process was recorded to its end: until another begins, nothing is missing."""


class Record(NamedTuple):
    kind: RecordKind
    at: float
    """When it was made, in seconds since the epoch."""
    value: ProcessStarted | Gap | list[bytes]
    """[] for ENDED: an empty message."""


# -- writing ----


def encode_message(frames: Sequence[bytes], at: float) -> bytes:
    """Return a message as a record, or a gap in its place if it is too large."""
    size = sum(map(len, frames)) + _LENGTH.size * len(frames)
    if size > MAX_MESSAGE:
        why = f"a message of {size / 1e6:.1f} MB was too large to record"
        return encode_gap(Gap(at, at, why), at)
    parts = (part for frame in frames for part in (_LENGTH.pack(len(frame)), frame))
    return _encode(RecordKind.MESSAGE, at, b"".join(parts))


def encode_began(identity: ProcessIdentity, at: float) -> bytes:
    body = _PROCESS.pack(identity.pid, identity.start_ticks) + identity.boot_id.encode()
    return _encode(RecordKind.BEGAN, at, body)


def encode_gap(gap: Gap, at: float, kind: RecordKind = RecordKind.GAP) -> bytes:
    return _encode(kind, at, _SPAN.pack(gap.since, gap.until) + gap.why.encode())


def encode_ended(at: float) -> bytes:
    return _encode(RecordKind.ENDED, at, b"")


ENDED_SIZE = _HEAD.size  # bytes of what `encode_ended` returns


def _encode(kind: RecordKind, at: float, body: bytes) -> bytes:
    return _HEAD.pack(_MAGIC, kind, at, len(body), _checksum(kind, at, body)) + body


def _checksum(kind: int, at: float, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_SUMMED.pack(kind, at, len(body))))


# -- reading ----


def decode_records(data: bytes) -> Iterator[Record]:
    """Yield the records of a generation, with a gap for each stretch that is damaged.

    An incomplete record at the end was not fully written yet, and is left out.
    """
    return (record for record, _ in located_records(data))


def located_records(data: bytes) -> Iterator[tuple[Record, int]]:
    """Yield records as `decode_records` does, each with the position up to which it has read."""
    position = end = false_starts = 0
    last_at = 0.0
    while (start := data.find(_MAGIC, position)) >= 0:
        found = decode_record(data, start)
        if found is None:
            position, false_starts = start + 1, false_starts + 1
            if false_starts < _MAX_FALSE_STARTS:
                continue
            yield Record(RecordKind.GAP, last_at, Gap(last_at, last_at, DAMAGED)), len(data)
            return
        record, next_start = found
        if start == end:
            yield record, next_start
        else:
            yield from ((each, next_start) for each in _after_damage(record, last_at or record.at))
        position = end = next_start
        last_at = record.at


def _after_damage(record: Record, since: float) -> Iterator[Record]:
    """Yield a gap for the damage, then the record.

    After a recorder was killed in mid-write, the next one records a gap: that one is widened.
    """
    if record.kind is RecordKind.GAP and isinstance(record.value, Gap):
        known = record.value
        value = Gap(min(since, known.since), known.until, known.why)
        yield record._replace(value=value)
        return
    yield Record(RecordKind.GAP, record.at, Gap(since, record.at, DAMAGED))
    yield record


def decode_record(data: bytes, start: int = 0) -> tuple[Record, int] | None:
    """Return the record at `start` and where it ends; None if there is none."""
    if len(data) - start < _HEAD.size:
        return None
    magic, kind, at, length, checksum = _HEAD.unpack_from(data, start)
    body_start = start + _HEAD.size
    end = body_start + length
    if magic != _MAGIC or length > MAX_MESSAGE or end > len(data) or not _is_time(at):
        return None
    body = data[body_start:end]
    if checksum != _checksum(kind, at, body):
        return None
    try:
        return Record(RecordKind(kind), at, _decode_body(RecordKind(kind), body)), end
    except (ValueError, struct.error):  # written by a later version, or by another program
        return None


def _decode_body(kind: RecordKind, body: bytes) -> ProcessStarted | Gap | list[bytes]:
    if kind is RecordKind.BEGAN:
        pid, start_ticks = _PROCESS.unpack_from(body)
        return ProcessStarted(ProcessIdentity(pid, start_ticks, body[_PROCESS.size :].decode()))
    if kind in (RecordKind.GAP, RecordKind.EARLIER):
        since, until = _SPAN.unpack_from(body)
        if not (_is_time(since) and _is_time(until)):
            raise ValueError
        # A clock that was set back must not make it end before it begins.
        return Gap(since, max(since, until), body[_SPAN.size :].decode())
    return list(_decode_frames(body))


def _is_time(instant: float) -> bool:
    """Tell whether a calendar has that instant, in seconds since the epoch."""
    return 0.0 <= instant <= LATEST  # false for NaN


def _decode_frames(body: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(body):
        (length,) = _LENGTH.unpack_from(body, position)
        position += _LENGTH.size
        if length > len(body) - position:
            raise ValueError
        yield body[position : position + length]
        position += length
