"""CursorPane: a pane of rows with a cursor that moves from item to item."""

from __future__ import annotations

from textual import events

from kerneltui.tui.widgets.row_pane import RowPane


class CursorPane(RowPane):
    """Items are numbered from 0. An item takes one row, unless the subclass says otherwise."""

    # -- for subclasses -------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        """The number of the item under the cursor."""
        raise NotImplementedError

    def set_cursor(self, number: int) -> None:
        raise NotImplementedError

    def item_count(self) -> int:
        return self.row_count()

    def rows_of(self, number: int) -> range:
        """Return the rows of an item."""
        return range(number, number + 1)

    def item_at(self, row: int) -> int | None:
        """Return the number of the item in a row; None if there is none."""
        return row if row < self.row_count() else None

    # -- moving ---------------------------------------------------------------------------

    def put_cursor(self, number: int) -> None:
        """Select an item, or the nearest one that there is, and scroll until it is visible."""
        count = self.item_count()
        if not count:
            return
        number = max(0, min(number, count - 1))
        self.set_cursor(number)
        rows = self.rows_of(number)
        top = self.scroll_offset.y
        wanted = min(max(top, rows.stop - self.page), rows.start)
        if wanted != top:
            self.scroll_to_row(wanted)
        self.repaint_changes()

    def action_move(self, rows: int) -> None:
        self.put_cursor(self.cursor + rows)

    def action_begin(self) -> None:
        self.put_cursor(0)

    def action_end(self) -> None:
        self.put_cursor(self.item_count() - 1)

    def on_click(self, event: events.Click) -> None:
        super().on_click(event)
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self.head_height:
            return
        number = self.item_at(offset.y - self.head_height + self.scroll_offset.y)
        if number is not None:
            self.put_cursor(number)
