"""RowMap: which rows the lines of a transcript take once they are wrapped to a width.

Rule: pure. Lines and rows have absolute numbers: if lines are dropped at the beginning,
the others keep theirs, so a view can hold its place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from rich.cells import cell_len, chop_cells, get_character_cell_size

from kerneltui.protocol.text import Line, plain

JOINING = frozenset("\u200d\ufe0f")  # joiner and emoji presentation: they change others' width


def row_ends(line: Line, width: int) -> tuple[int, ...]:
    """Return the cell where each row of `line` ends, cut to rows of `width` (2 or more) cells."""
    text = plain(line)
    if text.isascii():
        return (*range(width, len(text), width), len(text))
    if JOINING.isdisjoint(text):
        return _cut(map(get_character_cell_size, text), width)
    return tuple(accumulate(map(cell_len, chop_cells(text, width)))) or (0,)


def _cut(sizes: Iterable[int], width: int) -> tuple[int, ...]:
    """Return the cells at which rows end, for characters of these sizes."""
    ends = []
    start = end = 0
    for size in sizes:
        if end + size - start > width:
            ends.append(end)
            start = end
        end += size
    return (*ends, end)


def row_count(line: Line, width: int | None) -> int:
    """Return how many rows `line` takes; one if `width` is None, which means not wrapped."""
    return 1 if width is None else len(row_ends(line, width))


class RowMap:
    """The rows of consecutive lines. A line takes one row or more."""

    def __init__(self, width: int | None, first: int = 0) -> None:
        """`width`: of a row, in cells; None without wrapping. `first`: the first line's number."""
        self.width = width
        self.first = first
        self.top = 0
        """The row where the first line begins."""
        self._ends: list[int] = []

    @property
    def end(self) -> int:
        """One past the number of the last line."""
        return self.first + len(self._ends)

    @property
    def bottom(self) -> int:
        """One past the last row."""
        return self._ends[-1] if self._ends else self.top

    def row(self, number: int) -> int:
        """Return the row where line `number` begins."""
        index = min(number - self.first, len(self._ends))
        return self._ends[index - 1] if index > 0 else self.top

    def locate(self, row: int) -> tuple[int, int]:
        """Return the line that `row` shows, and which of the line's rows it is."""
        number = self.first + bisect_right(self._ends, row)
        return number, row - self.row(number)

    def begin_with(self, number: int, count: int) -> None:
        """Forget the lines before line `number`. That line takes `count` rows from now on.

        The rows of the lines after it stay where they are.
        """
        dropped = number - self.first
        self.first = number
        if dropped < len(self._ends):
            del self._ends[:dropped]
            self.top = self._ends[0] - count
        else:
            self.top = self.bottom
            self._ends.clear()

    def replace(self, start: int, end: int, counts: Iterable[int]) -> int:
        """Replace the lines from `start` to `end` with lines that take `counts` rows.

        Returns by how many rows the lines after them have moved.
        """
        first, last = max(0, start - self.first), max(0, end - self.first)
        bottom = self._ends[first - 1] if first else self.top
        before = self._ends[last - 1] if last else self.top
        ends = list(accumulate(counts, initial=bottom))
        moved = ends[-1] - before
        tail = self._ends[last:]
        self._ends[first:] = ends[1:]
        self._ends += [row + moved for row in tail] if moved else tail
        return moved
