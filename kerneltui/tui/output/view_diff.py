"""The difference between two views of one transcript. Pure.

Found by identity: entries and lines that did not change are the same objects in both.
"""

from __future__ import annotations

from operator import is_

from kerneltui.fleet.transcript.transcript import Entry, TranscriptView
from kerneltui.frozen import frozen


@frozen
class Change:
    """Lines `start` to `old_end` of the old view have become `start` to `end` of the new one."""

    start: int
    old_end: int
    end: int

    def moved(self, number: int) -> int:
        """Return the new number of line `number`, or of the line that took its place."""
        if number >= self.old_end:
            return number + self.end - self.old_end
        return min(number, max(self.start, self.end - 1))


def find_change(old: TranscriptView, new: TranscriptView) -> Change:
    """Return the difference, among the lines that `new` still has."""
    start = _start(old, new)
    old_end, end = max(start, old.end), new.end
    for before, after in zip(reversed(old.entries), reversed(new.entries), strict=False):
        if min(before.start, after.start) < start or not _same(before, after):
            break
        old_end, end = before.start, after.start
    return Change(start, old_end, end)


def _start(old: TranscriptView, new: TranscriptView) -> int:
    """Return the number of the first line that is different."""
    before = {entry.start: entry for entry in old.entries}
    for entry in new.entries:
        known = before.get(entry.start)
        if known is entry:
            continue
        if known is None or known.picture is not entry.picture:
            return entry.start
        same = 0
        for one, other in zip(known.lines, entry.lines, strict=False):
            if one is not other:
                break
            same += 1
        if same < len(entry.lines) or same < len(known.lines):
            return entry.start + same
    return new.end


def _same(before: Entry, after: Entry) -> bool:
    if len(before.lines) != len(after.lines) or before.picture is not after.picture:
        return False
    return all(map(is_, before.lines, after.lines))
