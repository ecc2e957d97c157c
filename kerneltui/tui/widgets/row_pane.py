"""RowPane: a pane of rows, each made when it is painted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from kerneltui.tui.widgets.line_view import HEADER
from kerneltui.tui.widgets.pane import Pane

Row = Sequence[tuple[str, str]]
"""Pieces of text, each with the name of the part that styles it ("" for none)."""

TITLES = "titles"
MAX_ROWS = 5_000  # of a pane that makes all rows at once


def limited(rows: Iterator[Row]) -> list[Row]:
    """Return the first MAX_ROWS of `rows`, and a last one that says so if there are more."""
    first = list(islice(rows, MAX_ROWS))
    if next(rows, None) is not None:
        first.append((("… and more, which is not shown", "muted"),))
    return first


class RowPane(Pane):
    """Has the bar, fixed lines below it, and rows that scroll."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"row-pane--{part}"
        for part in (TITLES, "cursor", "label", "strong", "muted", "good", "trouble")
    }

    # -- for subclasses -----------------------------------------------------------------

    def status(self) -> str:
        """Return the words at the end of the bar."""
        return ""

    def fixed(self) -> Sequence[Row]:
        """Return the lines between the bar and the rows."""
        return ()

    def row_count(self) -> int:
        raise NotImplementedError

    def row(self, index: int) -> Row:
        raise NotImplementedError

    # -- scrolling ----------------------------------------------------------------------

    @property
    def head_height(self) -> int:
        return HEADER + len(self.fixed())

    @property
    def page(self) -> int:
        """How many rows are visible at once."""
        return max(1, self.area.height - self.head_height)

    def fit(self) -> None:
        """Fit the scrollbar to new rows, and paint what has changed."""
        self.virtual_size = Size(0, self.row_count() + self.head_height)
        self.repaint_changes()

    def scroll_to_row(self, row: int) -> None:
        self.scroll_to(y=row, animate=False, force=True)

    def action_move(self, rows: int) -> None:
        self.scroll_to_row(self.scroll_offset.y + rows)

    def action_page(self, pages: float) -> None:
        self.action_move(int(pages * self.page) or (1 if pages > 0 else -1))

    def action_begin(self) -> None:
        self.scroll_to_row(0)

    def action_end(self) -> None:
        self.scroll_to_row(self.row_count())

    # -- painting -----------------------------------------------------------------------

    def strip(self, y: int) -> Strip:
        if y < HEADER:
            return self.bar(self.status())
        fixed = self.fixed()
        if y < HEADER + len(fixed):
            return self._painted_row(fixed[y - HEADER])
        index = y - HEADER - len(fixed) + self.scroll_offset.y
        return self._painted_row(self.row(index) if index < self.row_count() else ())

    def _painted_row(self, row: Row) -> Strip:
        segments = [
            Segment(text, self.style(f"row-pane--{part}" if part else "")) for text, part in row
        ]
        return Strip(segments).adjust_cell_length(self.area.width, self._row_style(row))

    def _row_style(self, row: Row) -> Style:
        """Return the style for the rest of a row: the row's own if it has only one style."""
        parts = {part for _, part in row}
        whole = parts.pop() if len(parts) == 1 else ""
        return self.style(f"row-pane--{whole}" if whole in (TITLES, "cursor") else "")
