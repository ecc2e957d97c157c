"""Entries: what a transcript is made of, as it grows and as it is read."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kerneltui.fleet.transcript.image import Picture
from kerneltui.frozen import frozen
from kerneltui.protocol.text import Line

_SPAN_BYTES = 112  # a Span, its place in a line, and its share of the line


class Role(StrEnum):
    """Who says a line, or what it is."""

    INPUT = "input"
    STDOUT = "stdout"
    STDERR = "stderr"
    RESULT = "result"
    DISPLAY = "display"
    ERROR = "error"
    PAGER = "pager"
    PROMPT = "prompt"
    ANSWER = "answer"
    NOTE = "note"


@frozen
class Entry:
    """Consecutive lines of one role, said to or by one cell."""

    start: int
    """The number of its first line, counted since the transcript began.

    Lines that are dropped keep their numbers. Where a display grows or shrinks, or a cell
    is cleared, the numbers of the lines below change.
    """
    role: Role
    time: float
    """When it was said, in seconds since the epoch."""
    lines: tuple[Line, ...]
    parent: str = ""
    """The msg_id of the request it belongs to; "" if it is of none."""
    picture: Picture | None = None
    """What the only line is the label of."""


@frozen
class TranscriptView:
    """A transcript at one moment."""

    entries: tuple[Entry, ...] = ()
    first: int = 0
    """The number of the first line there is."""
    end: int = 0
    """One past the number of the last."""
    version: int = 0
    """Another one if, and only if, anything is different."""

    def line(self, number: int) -> tuple[Role, Line]:
        """Return the line with this number and its role; IndexError if there is none."""
        entry = self.entry(number)
        return entry.role, entry.lines[number - entry.start]

    def entry(self, number: int) -> Entry:
        """Return what the line with this number is of; IndexError if there is none."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self.entries[bisect_right(self.entries, number, key=_start) - 1]


def _start(entry: Entry) -> int:
    return entry.start


@dataclass(slots=True)
class Chunk:
    """What becomes an entry once somebody looks, and knows then where it stands."""

    role: Role
    time: float
    parent: str
    display_id: str = ""
    picture: Picture | None = None
    lines: tuple[Line, ...] = ()
    size: int = 0
    """In bytes."""
    _entry: Entry | None = field(default=None, init=False)

    def put(self, lines: tuple[Line, ...], picture: Picture | None = None) -> int:
        """Show `lines` from now on; return the bytes that this adds, which may be negative."""
        self.lines, self.picture, self._entry = lines, picture, None
        before, self.size = self.size, _measure(lines) + (len(picture.data) if picture else 0)
        return self.size - before

    def add(self, lines: tuple[Line, ...]) -> int:
        """Show `lines` too; return the bytes that this adds."""
        self.lines, self._entry = self.lines + lines, None
        added = _measure(lines)
        self.size += added
        return added

    def entry(self, start: int) -> Entry:
        """Return this as an entry whose first line has the number `start`."""
        if self._entry is None or self._entry.start != start:
            self._entry = Entry(start, self.role, self.time, self.lines, self.parent, self.picture)
        return self._entry


def _measure(lines: Sequence[Line]) -> int:
    """Return the bytes that `lines` take in memory, about."""
    sizes = [sys.getsizeof(span.text) + _SPAN_BYTES for line in lines for span in line]
    return sum(sizes) + 8 * len(lines)
