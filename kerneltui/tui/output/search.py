"""OutputSearch: finds the lines of a transcript that contain some words. It does not paint."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from kerneltui.fleet.transcript.transcript import TranscriptView
from kerneltui.protocol.text import Line, plain


class OutputSearch:
    """A search for `words`; case counts only if they have a capital."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.numbers: list[int] = []
        """The numbers of the lines that match, in order."""
        flags = re.NOFLAG if any(map(str.isupper, words)) else re.IGNORECASE
        self._pattern = re.compile(re.escape(words), flags)
        self._known: dict[int, tuple[tuple[Line, ...], list[int]]] = {}
        """By `id` of an entry's lines: the lines, held so that the id stays theirs, and matches."""

    def look(self, view: TranscriptView) -> None:
        """Search `view`; only entries that are new since the last time are read."""
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
        """Return the places of the words in `line`: first character, and one past the last."""
        return [match.span() for match in self._pattern.finditer(plain(line))]

    def after(self, number: int) -> int | None:
        """Return the next matching line; after the last one, the first. None if none matches."""
        if not self.numbers:
            return None
        return self.numbers[bisect_right(self.numbers, number) % len(self.numbers)]

    def before(self, number: int) -> int | None:
        """Return the matching line before; before the first one, the last. None if none matches."""
        return self.numbers[bisect_left(self.numbers, number) - 1] if self.numbers else None

    def told(self, number: int) -> str:
        """Return "3/17 words": which match line `number` is, and of how many."""
        place = bisect_left(self.numbers, number)
        is_match = self.numbers[place : place + 1] == [number]
        return f"{place + 1 if is_match else 0}/{len(self.numbers)} {self.words}"
