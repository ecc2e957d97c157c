"""TypeAhead: letters typed one after another find an entry of a list. Pure."""

from __future__ import annotations

from collections.abc import Sequence

PAUSE = 1.0  # seconds after which a letter begins a new word


class TypeAhead:
    def __init__(self) -> None:
        self._typed = ""
        self._last = float("-inf")

    def is_going_on(self, now: float) -> bool:
        return bool(self._typed) and now - self._last < PAUSE

    def find(self, letter: str, now: float, texts: Sequence[str]) -> int | None:
        """Return the index of the first text that contains the typed word; None if none does.

        A text that begins with the word comes before one that contains it further on.
        """
        self._typed = (self._typed if self.is_going_on(now) else "") + letter.casefold()
        self._last = now
        found = [
            (text.casefold().index(self._typed) > 0, place)
            for place, text in enumerate(texts)
            if self._typed in text.casefold()
        ]
        return min(found)[1] if found else None
