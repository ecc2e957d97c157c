"""OutputFeed: what of a transcript the other side does not have yet; used by the agent.

A change that is too large for the link is cut to its end: the first line then tells how many lines
were skipped. The box still has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from operator import is_

from kerneltui.fleet.engines.ssh.codec import Fields, encode
from kerneltui.fleet.transcript.entries import (
    Entry,
    RequestEnd,
    Role,
    TranscriptSource,
    TranscriptView,
)
from kerneltui.protocol.text import Line, Span

MAX_PICTURE = 200_000  # bytes
LINE_COST = 10  # characters that a line counts as, at least


class OutputFeed:
    """Remembers what was sent of one transcript; the changes have to be sent in order."""

    def __init__(self) -> None:
        self.source: TranscriptSource | None = None
        """The transcript; the last one, if the kernel is gone."""
        self._held: tuple[Entry, ...] = ()
        self._version = 0
        self._ends: tuple[RequestEnd, ...] = ()
        self._begin = 0
        """The number of the first line that is sent."""
        self._mark: tuple[Entry, ...] = ()

    @property
    def is_owed(self) -> bool:
        """More may have been said than was sent."""
        if self.source is None:
            return False
        view = self.source.view()
        return view.is_open or view.version != self._version

    def change(self, view: TranscriptView, budget: int) -> Fields | None:
        """Return what makes the other side's entries those of `view`; None for no change.

        `budget`: characters, and bytes of pictures, that it may have.
        """
        if view.version == self._version:
            return None
        self._version = view.version
        entries = self._wanted(view)
        told = _change(self._held, entries)
        if _cost(told.head) + _cost(told.tail) > budget:
            self._skip_to_end(view, budget)
            entries = self._wanted(view)
            told = _change(self._held, entries)
        ends = [each for each in view.ends if each not in self._ends]
        self._held, self._ends = entries, view.ends
        return {
            **told.encoded(entries[0].start if entries else 0),
            "ends": encode(ends),
            "open": view.is_open,
        }

    def _wanted(self, view: TranscriptView) -> tuple[Entry, ...]:
        if self._begin > view.end:  # what was skipped was cleared
            self._begin = 0
        if self._begin <= view.first:
            return view.entries
        return (*self._mark, *(each for each in view.entries if each.start >= self._begin))

    def _skip_to_end(self, view: TranscriptView, budget: int) -> None:
        left = budget
        for each in reversed(view.entries):
            left -= _cost((each,))
            if left < 0 and self._begin != 0 and each is not view.entries[-1]:
                break
            self._begin = each.start
        text = f"… {self._begin:,} lines skipped"
        self._mark = (Entry(self._begin - 1, Role.NOTE, view.entries[-1].time, ((Span(text),),)),)


class _Change:
    """Entries to put before and after some of those that are held."""

    def __init__(
        self,
        head: Sequence[Entry],
        kept: range,
        tail: Sequence[Entry],
        same: int,
    ) -> None:
        """`kept`: places among those held. `same`: lines that the first of `tail` begins with and
        that the held entry after the kept ones has as well."""
        self.head, self.kept, self.same = head, kept, same
        self.tail = [_without(each, same if not index else 0) for index, each in enumerate(tail)]

    def encoded(self, first: int) -> Fields:
        return {
            "first": first,
            "head": [encode(each) for each in self.head],
            "kept": [self.kept.start, self.kept.stop],
            "same": self.same,
            "tail": [encode(each) for each in self.tail],
        }


def _change(held: Sequence[Entry], entries: Sequence[Entry]) -> _Change:
    """Find by identity which entries are held: those that did not change are the same objects."""
    places = {id(each): place for place, each in enumerate(held)}
    begin = next((place for place, each in enumerate(entries) if id(each) in places), None)
    start = 0 if begin is None else places[id(entries[begin])]
    begin = begin or 0
    count = _in_common(held[start:], entries[begin:])
    kept, tail = range(start, start + count), entries[begin + count :]
    same = _same(held[kept.stop], tail[0]) if tail and kept.stop < len(held) else 0
    return _Change(entries[:begin], kept, tail, same)


def _same(held: Entry, entry: Entry) -> int:
    """Return how many lines both begin with, if one is the other as it has grown."""
    if held.picture or entry.picture or replace(held, lines=()) != replace(entry, lines=()):
        return 0
    return _in_common(held.lines, entry.lines)


def _in_common(some: Sequence[object], others: Sequence[object]) -> int:
    """Return with how many same objects both begin."""
    return sum(1 for _ in takewhile(bool, map(is_, some, others)))


def _without(entry: Entry, same: int) -> Entry:
    """Return an entry without its first lines, and without a picture that is too large."""
    is_large = entry.picture is not None and len(entry.picture.data) > MAX_PICTURE
    return replace(entry, picture=None if is_large else entry.picture, lines=entry.lines[same:])


def _cost(entries: Sequence[Entry]) -> int:
    lines = sum(_line_cost(line) for each in entries for line in each.lines)
    return lines + sum(min(MAX_PICTURE, len(each.picture.data)) for each in entries if each.picture)


def _line_cost(line: Line) -> int:
    return LINE_COST + sum(len(span.text) for span in line)
