"""Merged: joins what several engines publish, and only when one of them has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Generic, TypeVar

T = TypeVar("T")


class Merged(Generic[T]):
    """The joined value of several parts; the same object until a part is another object."""

    def __init__(self, join: Callable[[Sequence[T]], T]) -> None:
        self._join = join
        self._latest: tuple[Sequence[T], T] | None = None

    def of(self, parts: Sequence[T]) -> T:
        """Return the value; a single part is returned as it is. In any thread."""
        if len(parts) == 1:
            return parts[0]
        latest = self._latest
        if latest is None or not _are_same(latest[0], parts):
            self._latest = latest = (parts, self._join(parts))
        return latest[1]


def _are_same(before: Sequence[T], parts: Sequence[T]) -> bool:
    return len(before) == len(parts) and all(map(is_, before, parts))
