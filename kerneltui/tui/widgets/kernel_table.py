"""KernelTable: one line a kernel, repainted only where it changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from kerneltui.tui.columns import GAP, TONES, Cell, Column, columns_for
from kerneltui.tui.formats import fit
from kerneltui.tui.widgets.line_view import HEADER, LineView

if TYPE_CHECKING:
    from kerneltui.fleet.snapshot import KernelSnapshot

MARGIN = 2  # cells left of the first column: the cursor's mark and a space
MARK = ">"

# Component classes of whole lines; those of cells are named after their tones.
HEAD = "kernel-table--header"
CURSOR = "kernel-table--cursor"
EMPTY = "kernel-table--empty"


class KernelTable(LineView):
    """The kernels in the order given, with a cursor that follows a kernel and not a row."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        HEAD,
        CURSOR,
        EMPTY,
        *(f"kernel-table--{tone}" for tone in TONES),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_move(1)", "Next kernel", show=False),
        Binding("up,k", "cursor_move(-1)", "Previous kernel", show=False),
        Binding("pagedown", "cursor_page(1.0)", "Page down", show=False),
        Binding("pageup", "cursor_page(-1.0)", "Page up", show=False),
        Binding("ctrl+d", "cursor_page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "cursor_page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "cursor_first", "First kernel", show=False),
        Binding("end,G", "cursor_last", "Last kernel", show=False),
    ]

    cursor_id: var[str | None] = var(None, init=False)
    """The kernel under the cursor. Set to one that is not shown yet, the cursor waits for it."""

    class Selected(Message):
        """The cursor stands on another kernel; None when there is none."""

        def __init__(self, kernel_id: str | None) -> None:
            super().__init__()
            self.kernel_id = kernel_id

    def __init__(self, empty: str = "no kernels") -> None:
        """`empty`: what to say, in one or more lines, where there is no kernel."""
        super().__init__()
        self._empty = tuple(empty.splitlines())
        self.virtual_size = Size(0, len(self._empty) + HEADER)
        self._kernels: tuple[KernelSnapshot, ...] = ()
        self._rows: dict[str, int] = {}
        self._now = 0.0

    def show(self, kernels: Sequence[KernelSnapshot], now: float) -> None:
        """Show `kernels` as of the monotonic instant `now`."""
        before, self._kernels, self._now = self._kernels, tuple(kernels), now
        self._rows = {kernel.kernel_id: row for row, kernel in enumerate(self._kernels)}
        followed = self._cursor_is_visible(before)
        self.virtual_size = Size(0, (len(self._kernels) or len(self._empty)) + HEADER)
        self.cursor_id = successor(
            self.cursor_id, [kernel.kernel_id for kernel in before], self._rows
        )
        if followed:
            self._scroll_to_cursor()
        self.repaint_changes()

    # -- cursor -------------------------------------------------------------------------

    def watch_cursor_id(self, cursor_id: str | None) -> None:
        self.repaint_changes()
        self.post_message(self.Selected(cursor_id))

    def _cursor_is_visible(self, kernels: Sequence[KernelSnapshot]) -> bool:
        top = self.scroll_offset.y
        visible = kernels[top : top + self._page]
        return any(kernel.kernel_id == self.cursor_id for kernel in visible)

    def _scroll_to_cursor(self) -> None:
        row = self._rows.get(self.cursor_id or "")
        if row is None:
            return
        top = self.scroll_offset.y
        wanted = min(max(top, row - self._page + 1), row)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)

    def _put_cursor(self, row: int) -> None:
        if self._kernels:
            row = min(max(0, row), len(self._kernels) - 1)
            self.cursor_id = self._kernels[row].kernel_id
            self._scroll_to_cursor()

    def action_cursor_move(self, rows: int) -> None:
        # A cursor that waits for its kernel starts from the top.
        self._put_cursor(self._rows.get(self.cursor_id or "", -rows) + rows)

    def action_cursor_page(self, pages: float) -> None:
        self.action_cursor_move(int(pages * self._page) or (1 if pages > 0 else -1))

    def action_cursor_first(self) -> None:
        self._put_cursor(0)

    def action_cursor_last(self) -> None:
        self._put_cursor(len(self._kernels) - 1)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < HEADER:
            return
        row = offset.y - HEADER + self.scroll_offset.y
        if row < len(self._kernels):
            self._put_cursor(row)

    # -- painting -----------------------------------------------------------------------

    @property
    def _page(self) -> int:
        """How many rows are seen at once."""
        return max(1, self.area.height - HEADER)

    def strip(self, y: int) -> Strip:
        width = self.area.width
        line = self._line(y, columns_for(width - MARGIN))
        if not line:
            return Strip.blank(width, self.style())
        return Strip(line).adjust_cell_length(width, self.style())

    def _line(self, y: int, columns: tuple[Column, ...]) -> list[Segment]:
        """Return what belongs on line `y`; nothing for a blank one."""
        if y < HEADER:
            return self._cells(columns, [Cell(column.title) for column in columns], HEAD)
        if not self._kernels:
            text = "".join(self._empty[y - HEADER : y - HEADER + 1])
            return [Segment(" " * MARGIN + text, self.style(EMPTY))]
        row = y - HEADER + self.scroll_offset.y
        if row >= len(self._kernels):
            return []
        kernel = self._kernels[row]
        cells = [column.cell(kernel, self._now) for column in columns]
        return self._cells(columns, cells, CURSOR if kernel.kernel_id == self.cursor_id else "")

    def _cells(self, columns: tuple[Column, ...], cells: list[Cell], part: str) -> list[Segment]:
        """Return a line of cells; in a `part` of its own, one style tells them all.

        A second colour on the cursor's background would not be readable in every theme.
        """
        segments = [Segment(fit(MARK if part == CURSOR else "", MARGIN), self.style(part))]
        for cell, column in zip(cells, columns, strict=True):
            style = self.style(part or f"kernel-table--{cell.tone}")
            text = fit(cell.text, column.width, column.align)
            segments.append(Segment(text + " " * GAP, style))
        return segments


def successor(cursor: str | None, before: Sequence[str], after: Collection[str]) -> str | None:
    """Return the kernel for the cursor once the rows `before` have become `after`.

    Where its kernel went, the next one that stayed takes over, else the one above. A cursor
    on a kernel that was never shown waits for it.
    """
    if cursor in after or (cursor is not None and cursor not in before):
        return cursor
    place = before.index(cursor) if cursor is not None else 0
    neighbours = (*before[place:], *reversed(before[:place]))
    return next((kernel for kernel in neighbours if kernel in after), next(iter(after), None))
