"""The titles of the columns: their text, and which column a click is on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kerneltui.formats import ASCENDING, DESCENDING, fit
from kerneltui.tui.table.columns import Column
from kerneltui.tui.table.fitting import GAP
from kerneltui.tui.table.view import Order

MARGIN = 2  # cells left of the first column: the cursor's sign and the mark


def titles(columns: Sequence[Column], order: Order) -> str:
    """Return the titles, with an arrow at the one that is sorted by."""
    return "".join(_title(column, order) for column in columns)


def _title(column: Column, order: Order) -> str:
    title = fit(column.title, column.width, column.align) + " " * GAP
    if column.id != order.column:
        return title
    end = len(title.rstrip())
    arrow = DESCENDING if order.descending else ASCENDING
    return title[:end] + arrow + title[end + 1 :]


def column_at(columns: Sequence[Column], x: int) -> Column | None:
    """Return the column whose title is at cell `x`."""
    left = MARGIN
    for column in columns:
        right = left + column.width + GAP
        if left <= x < right:
            return column
        left = right
    return None
