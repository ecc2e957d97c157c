"""KernelTable: the table of kernels, one line for each, painted again only if it changed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.css.scalar import Unit
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from kerneltui.formats import (
    FOCUS_LEFT,
    MORE_BOTH,
    MORE_LEFT,
    MORE_RIGHT,
    fit,
)
from kerneltui.protocol.text import clean_line
from kerneltui.tui.keys.bindings import bindings
from kerneltui.tui.table.columns import STATE, Column, ColumnIds, known_columns, of_one_host
from kerneltui.tui.table.columns import cells as cells_of
from kerneltui.tui.table.conditions import TONES, Cell, Tone, age_step
from kerneltui.tui.table.cursor import successor
from kerneltui.tui.table.fitting import GAP, fitting, most_skipped, needs_of
from kerneltui.tui.table.titles import MARGIN, column_at, titles
from kerneltui.tui.table.view import TableView
from kerneltui.tui.widgets.line_view import HEADER, LineView

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

CURSOR_SIGN, MARK_SIGN = ">", "*"
_ENGINE = attrgetter("engine")

# Component classes of whole lines; those of cells are named after their tones.
HEAD = "kernel-table--header"
CURSOR = "kernel-table--cursor"
MARKED = "kernel-table--marked"
EMPTY = "kernel-table--empty"
PARTS: dict[Tone, str] = {tone: f"kernel-table--{tone}" for tone in TONES}


class _Place(NamedTuple):
    """What a line shows besides its kernel."""

    columns: tuple[Column, ...]
    is_cursor: bool
    is_marked: bool


class _Line(NamedTuple):
    """A line as it was last painted, and the values it was painted from."""

    kernel: KernelSnapshot
    age_step: float
    place: _Place
    cells: tuple[Cell, ...]
    strip: Strip


class KernelTable(LineView):
    """Shows the kernels as `view` says. The cursor follows a kernel, not a row."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        HEAD,
        CURSOR,
        MARKED,
        EMPTY,
        *PARTS.values(),
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
        Binding("left,h", "sidestep(-1)", "Columns to the left", show=False),
        Binding("right,l", "sidestep(1)", "Columns to the right", show=False),
        *bindings("table."),
    ]

    cursor_id: var[str | None] = var(None, init=False)
    """The kernel under the cursor. If it is not shown yet, the cursor waits for it."""

    class Selected(Message):
        """The cursor is on another kernel; None if there is none."""

        def __init__(self, kernel_id: str | None) -> None:
            super().__init__()
            self.kernel_id = kernel_id

    class ViewChanged(Message):
        """Order, filter, columns or marks have changed."""

    class OpenAsked(Message):
        """The user wants to read what the selected kernel has printed."""

    class FilterAsked(Message):
        """The user wants to type a filter."""

    class ColumnsAsked(Message):
        """The user wants to choose columns."""

    def __init__(self, empty: str = "no kernels", way_out: str = "") -> None:
        """`empty`: the text, in one or more lines, if there are no kernels.

        `way_out`: what to do if the filter hides all kernels.
        """
        super().__init__()
        self._way_out = way_out
        self._empty = tuple(empty.splitlines())
        self.virtual_size = Size(0, len(self._empty) + HEADER)
        self.view = TableView()
        """Code that changes it must call `view_changed`."""
        self._all: tuple[KernelSnapshot, ...] = ()
        self._is_of_one_host = True
        self._kernels: tuple[KernelSnapshot, ...] = ()
        self._rows: dict[str, int] = {}
        self._next_id: str | None = None
        """Where the cursor goes on, if it is kept on a kernel that is gone."""
        self._now = 0.0
        self._width = self._top = self._skipped = self._most_skipped = 0
        self._ids: ColumnIds = ()
        """The columns that are wanted now, whether they fit or not."""
        self._columns: tuple[Column, ...] = ()
        self._lines: dict[str, _Line] = {}

    def show(self, kernels: Sequence[KernelSnapshot], now: float) -> None:
        """Show the view of `kernels` at the monotonic instant `now`."""
        if kernels is not self._all:
            self._all = tuple(kernels)
            self._is_of_one_host = not any(map(_ENGINE, self._all))
        self._now = now
        rows = self.view.rows(self._all, now)
        if rows != self._kernels or not rows:
            self._replace_rows(rows)
        self.repaint_changes()

    def _replace_rows(self, rows: tuple[KernelSnapshot, ...]) -> None:
        before, self._kernels = self._kernels, rows
        self._rows = {kernel.kernel_id: row for row, kernel in enumerate(rows)}
        self._lines = {each: self._lines[each] for each in self._lines if each in self._rows}
        followed = self._cursor_is_visible(before)
        self.virtual_size = Size(0, (len(rows) or len(self._notice)) + HEADER)
        shown = [kernel.kernel_id for kernel in before]
        place = self.cursor_id if self.cursor_id in shown else self._next_id
        self._next_id = successor(place, shown, self._rows)
        if not self.view.kept:
            self.cursor_id = self._next_id
        if followed:
            self._scroll_to_cursor()

    def view_changed(self) -> None:
        """Show the kernels as the changed view says."""
        self.show(self._all, self._now)
        self.post_message(self.ViewChanged())

    @property
    def rows(self) -> tuple[KernelSnapshot, ...]:
        """The kernels that are shown, in order."""
        return self._kernels

    @property
    def selected(self) -> KernelSnapshot | None:
        """The kernel under the cursor; None if it is not shown."""
        row = self._rows.get(self.cursor_id or "")
        return None if row is None else self._kernels[row]

    @property
    def marked(self) -> tuple[KernelSnapshot, ...]:
        """The marked kernels in the order of their start, also those that the filter hides."""
        if not self.view.marks:
            return ()
        return tuple(kernel for kernel in self._all if kernel.kernel_id in self.view.marks)

    @property
    def _notice(self) -> tuple[str, ...]:
        """The text to show if there are no rows."""
        if self._all:
            like = clean_line(self.view.filter.text)  # as remembered or pasted
            return (f"No kernel matches {like}. {self._way_out}",)
        return self._empty

    # -- the view -----------------------------------------------------------------------

    def action_table_open(self) -> None:
        if self.selected:
            self.post_message(self.OpenAsked())

    def action_table_filter(self) -> None:
        self.post_message(self.FilterAsked())

    def action_table_columns(self) -> None:
        self.post_message(self.ColumnsAsked())

    def explain_emptiness(self, text: str) -> None:
        """Show `text`, in one or more lines, if there are no kernels."""
        self._empty = tuple(text.splitlines())
        self.view_changed()
        self.refresh()

    def show_all(self) -> None:
        """Clear the filter."""
        if self.view.filter.text:
            self.view.filter_by("")
            self.view_changed()

    def choose_columns(self, ids: ColumnIds) -> None:
        self.view.columns = known_columns(ids)
        self.view_changed()

    def action_table_sort_previous(self) -> None:
        self.view.sort_by_neighbour(-1, self._columns_in_sight)
        self._show_reordered()

    def action_table_sort_next(self) -> None:
        self.view.sort_by_neighbour(1, self._columns_in_sight)
        self._show_reordered()

    def action_table_sort_invert(self) -> None:
        self.view.invert()
        self._show_reordered()

    def action_table_sort(self) -> None:
        from kerneltui.tui.table.sort_line import SortScreen

        self.app.push_screen(SortScreen(self._columns), self._sort_by)

    def _sort_by(self, column: str | None) -> None:
        if column is not None:
            self.view.sort_by(column)
            self._show_reordered()

    def _show_reordered(self) -> None:
        """Show the first rows of the new order, wherever the cursor is now."""
        self.view_changed()
        self.scroll_to(y=0, animate=False, force=True)

    @property
    def _columns_in_sight(self) -> ColumnIds:
        return tuple(column.id for column in self._columns)

    def action_table_mark(self) -> None:
        """Mark or unmark the kernel under the cursor, and go on to the next."""
        if kernel := self.selected:
            self.view.toggle_mark(kernel.kernel_id)
            self.action_cursor_move(1)
            self.view_changed()

    def action_table_mark_all(self) -> None:
        self.view.mark(self._rows)
        self.view_changed()

    def action_table_unmark_all(self) -> None:
        self.view.unmark_all()
        self.view_changed()

    def action_sidestep(self, columns: int) -> None:
        self._skipped = min(max(0, self._skipped + columns), self._most_skipped)
        self.repaint_changes()

    # -- cursor -------------------------------------------------------------------------

    def keep(self, kernel_id: str) -> None:
        """Keep the cursor on this kernel, though it is filtered or gone; "" releases it."""
        if kernel_id != self.view.kept:
            self.view.kept = kernel_id
            self.show(self._all, self._now)
            if not kernel_id and self.cursor_id not in self._rows:
                self.cursor_id = self._next_id

    def go_to(self, kernel_id: str) -> bool:
        """Put the cursor on this kernel, or have it wait for it; tell False if it is kept."""
        if not self.view.kept:
            self.cursor_id = kernel_id
        return self.cursor_id == kernel_id

    def watch_cursor_id(self, cursor_id: str | None) -> None:
        self._next_id = cursor_id
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
        if offset is None:
            return
        if offset.y < HEADER:
            if column := column_at(self._columns, offset.x):
                self._sort_by(column.id)
            return
        row = offset.y - HEADER + self.scroll_offset.y
        if row < len(self._kernels):
            self._put_cursor(row)

    # -- painting -----------------------------------------------------------------------

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 -- Textual's
        """Return the height for all kernels, so that typing a filter moves nothing.

        It is limited to the table's part of the screen: Textual ignores `max-height: 45vh` when it
        measures the container.
        """
        height, most = (
            max(self.virtual_size.height, len(self._all) + HEADER),
            self.styles.max_height,
        )
        if most is None or most.unit is not Unit.VIEW_HEIGHT:
            return height
        return min(height, int(most.resolve(container, viewport)))

    @property
    def _page(self) -> int:
        """How many rows are visible at once."""
        return max(1, self.area.height - HEADER)

    def repaint_changes(self) -> None:
        self._measure()
        super().repaint_changes()

    def render_lines(self, crop: Region) -> list[Strip]:
        self._measure()
        return super().render_lines(crop)

    def _measure(self) -> None:
        """Keep the values that all lines share: to ask Textual costs more than to paint a line."""
        self._width, self._top = self.area.width, self.scroll_offset.y
        ids, room = self.view.columns, self._width - MARGIN
        if self._is_of_one_host:
            ids = of_one_host(ids)
        self._ids = ids
        needs = needs_of(ids, self._kernels[self._top : self._top + self._page])
        self._most_skipped = most_skipped(ids, room, needs)
        self._skipped = min(self._skipped, self._most_skipped)
        columns = fitting(ids, room, self._skipped, needs)
        if columns != self._columns:  # the same tuple is compared faster
            self._columns = columns

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lines.clear()

    def strip(self, y: int) -> Strip:
        if y < HEADER:
            return self._padded(self._header())
        row = y - HEADER + self._top
        if row < len(self._kernels):
            return self._row(self._kernels[row])
        if not self._kernels:
            text = "".join(self._notice[row : row + 1])
            return self._padded(Segment(" " * MARGIN + text, self.style(EMPTY)))
        return Strip.blank(self._width, self.style())

    def _padded(self, *segments: Segment) -> Strip:
        return Strip(segments).adjust_cell_length(self._width, self.style())

    def _header(self) -> Segment:
        """Return the titles, with arrows at the sorted column and towards hidden columns."""
        is_whole = self._skipped + len(self._columns) >= len(self._ids)
        more = (" ", MORE_RIGHT, MORE_LEFT, MORE_BOTH)[2 * bool(self._skipped) + (not is_whole)]
        text = (FOCUS_LEFT if self.has_focus else " ") + more
        text += titles(self._columns, self.view.order)
        return Segment(text, self.style(HEAD))

    def _row(self, kernel: KernelSnapshot) -> Strip:
        """Return the line of `kernel`; the previous strip if it would look the same."""
        kernel_id, known = kernel.kernel_id, self._lines.get(kernel.kernel_id)
        step = age_step(kernel, self._now)
        place = _Place(self._columns, kernel_id == self.cursor_id, kernel_id in self.view.marks)
        if known is not None and known[:3] == (kernel, step, place):
            return known.strip
        cells = cells_of(self._columns, kernel, self._now)
        if known is not None and known[2:4] == (place, cells):
            strip = known.strip
        else:
            strip = self._padded(*self._segments(cells, place))
        self._lines[kernel_id] = _Line(kernel, step, place, cells, strip)
        return strip

    def _segments(self, cells: tuple[Cell, ...], place: _Place) -> list[Segment]:
        """Return a line of cells; under the cursor only the state has a colour of its own."""
        columns, is_cursor, is_marked = place
        signs = (CURSOR_SIGN if is_cursor else " ") + (MARK_SIGN if is_marked else " ")
        plain = self.style(CURSOR)
        # Blanks have the colours of what follows: each change of them takes 40 bytes a line.
        beside = self.style(MARKED if is_marked else PARTS[cells[0].tone] if cells else "")
        runs = [(signs, plain if is_cursor else beside)]
        for cell, column in zip(cells, columns, strict=True):
            text = fit(cell.text, column.width, column.align) + " " * GAP
            toned = self.style(PARTS[cell.tone])
            if is_cursor:
                toned = self._on_cursor(toned) if column.id == STATE else plain
            runs.append((text, toned))
        return [
            Segment("".join(text for text, _ in run), style)
            for style, run in itertools.groupby(runs, key=itemgetter(1))
        ]

    def _on_cursor(self, toned: Style) -> Style:
        """Return a tone on the cursor's background; with the terminal's own colours, no tone."""
        plain = self.style(CURSOR)
        return plain if self.app.native_ansi_color else plain + Style(color=toned.color)
