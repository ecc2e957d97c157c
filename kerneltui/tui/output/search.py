"""OutputSearch: the lines of a transcript in which some words are. Knows nothing of painting."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from kerneltui.fleet.transcript.transcript import TranscriptView
from kerneltui.protocol.text import Line, plain


class OutputSearch:
    """A search for `words`; a capital among them makes capitals matter."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.numbers: list[int] = []
        """Of the lines that match, in order."""
        flags = re.NOFLAG if any(map(str.isupper, words)) else re.IGNORECASE
        self._pattern = re.compile(re.escape(words), flags)
        self._known: dict[int, tuple[tuple[Line, ...], list[int]]] = {}
        """By identity of an entry's lines: the lines, which keeps it theirs, and what matches."""

    def look(self, view: TranscriptView) -> None:
        """Search `view`; of its entries, those that were not there the last time."""
        known, self._known = self._known, {}
        self.numbers = []
        for entry in view.entries:
            key = id(entry.lines)
            found = known.get(key) or (entry.lines, self._matching(entry.lines))
            self._known[key] = found
            self.numbers += [entry.start + offset for offset in found[1]]

    def _matching(self, lines: tuple[Line, ...]) -> list[int]:
        search = self._pattern.search
        return [offset for offset, line in enumerate(lines) if line and search(plain(line))]

    def places(self, line: Line) -> list[tuple[int, int]]:
        """Return where in `line` the words are: from which character up to which."""
        return [match.span() for match in self._pattern.finditer(plain(line))]

    def after(self, number: int) -> int | None:
        """Return the next matching line, beginning again after the last; None if none matches."""
        if not self.numbers:
            return None
        return self.numbers[bisect_right(self.numbers, number) % len(self.numbers)]

    def before(self, number: int) -> int | None:
        """Return the matching line before, going on from the last before the first."""
        return self.numbers[bisect_left(self.numbers, number) - 1] if self.numbers else None

    def told(self, number: int) -> str:
        """Return "3/17 words": which match line `number` is, and of how many."""
        place = bisect_left(self.numbers, number)
        is_match = self.numbers[place : place + 1] == [number]
        return f"{place + 1 if is_match else 0}/{len(self.numbers)} {self.words}"
