"""TypeAhead: letters typed one after another find an entry of a list. Pure."""

from __future__ import annotations

from collections.abc import Sequence

PAUSE = 1.0  # seconds after which other letters begin another word


class TypeAhead:
    def __init__(self) -> None:
        self._typed = ""
        self._last = float("-inf")

    def is_going_on(self, now: float) -> bool:
        return bool(self._typed) and now - self._last < PAUSE

    def find(self, letter: str, now: float, texts: Sequence[str]) -> int | None:
        """Return the place of the first of `texts` with what has been typed in it, if any.

        A text that begins with it goes before one that has it further on.
        """
        self._typed = (self._typed if self.is_going_on(now) else "") + letter.casefold()
        self._last = now
        found = [
            (text.casefold().index(self._typed) > 0, place)
            for place, text in enumerate(texts)
            if self._typed in text.casefold()
        ]
        return min(found)[1] if found else None
