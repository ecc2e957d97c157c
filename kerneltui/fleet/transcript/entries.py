"""Entries: the parts of a transcript, as it grows and as it is read."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from kerneltui.fleet.transcript.image import Picture
from kerneltui.frozen import frozen
from kerneltui.protocol.text import Line

_SPAN_BYTES = 112  # a Span, its place in a line, and its share of the line


class Role(StrEnum):
    """What kind of text a line is."""

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

    When the oldest lines are dropped, the others keep their numbers. When a display grows or
    shrinks, or a cell is cleared, the numbers of the lines below change.
    """
    role: Role
    time: float
    """When it was said, in seconds since the epoch."""
    lines: tuple[Line, ...]
    parent: str = ""
    """The msg_id of the request that it belongs to; "" if it belongs to none."""
    picture: Picture | None = None
    """The picture that the only line is the label of; None for text."""


@frozen
class RequestEnd:
    """A request of ours is over: all that it has said is in the transcript."""

    msg_id: str
    error: str | None = None
    """What it has failed with, in one line; None if its reply says that it has not."""
    is_given_up: bool = False
    """No reply is awaited any more: for example, its process has ended or was replaced."""


@frozen
class TranscriptView:
    """A transcript at one moment."""

    entries: tuple[Entry, ...] = ()
    first: int = 0
    """The number of the first line there is."""
    end: int = 0
    """One past the number of the last line."""
    version: int = 0
    """It differs from an earlier view's if, and only if, anything else does."""
    ends: tuple[RequestEnd, ...] = ()
    """Those of the latest requests, in their order."""
    is_open: bool = False
    """A process is listened to: it may say more, even if it is known to have ended."""

    def end_of(self, msg_id: str) -> RequestEnd | None:
        """Return the end of a request; None if it is not over, or ended long ago."""
        return next((each for each in self.ends if each.msg_id == msg_id), None)

    def line(self, number: int) -> tuple[Role, Line]:
        """Return the line with this number and its role; IndexError if there is none."""
        entry = self.entry(number)
        return entry.role, entry.lines[number - entry.start]

    def entry(self, number: int) -> Entry:
        """Return the entry that the line with this number is in; IndexError if there is none."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self.entries[bisect_right(self.entries, number, key=_start) - 1]


class TranscriptSource(Protocol):
    """What a pane reads output from: a transcript, or a copy of one of another host."""

    def view(self) -> TranscriptView:
        """Return what is there now: the same object as long as nothing changes."""


def _start(entry: Entry) -> int:
    return entry.start


@dataclass(slots=True)
class Chunk:
    """A growing part of a transcript; it becomes an entry, with line numbers, when it is read."""

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
    """Return roughly the bytes that `lines` take in memory."""
    sizes = [sys.getsizeof(span.text) + _SPAN_BYTES for line in lines for span in line]
    return sum(sizes) + 8 * len(lines)
