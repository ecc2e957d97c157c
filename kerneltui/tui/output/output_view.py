"""OutputView: a kernel's output, painted from its transcript at the caller's rate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.selection import Selection
from textual.strip import Strip

from kerneltui.fleet.transcript.transcript import Role
from kerneltui.protocol.text import clean_line
from kerneltui.tui.keys.bindings import bindings
from kerneltui.tui.output.actions import OutputVerbs
from kerneltui.tui.output.painting import Mark, paint
from kerneltui.tui.output.row_map import RowMap, row_count, row_ends
from kerneltui.tui.output.search import OutputSearch
from kerneltui.tui.output.selection import selected_part, selected_text
from kerneltui.tui.output.thumbnail import draw, size_in_cells
from kerneltui.tui.output.view_diff import find_change
from kerneltui.tui.widgets.line_view import HEADER
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.words import clock

if TYPE_CHECKING:
    from kerneltui.fleet.transcript.entries import TranscriptSource
    from kerneltui.fleet.transcript.transcript import Entry, TranscriptView
    from kerneltui.protocol.text import Line

GUTTER = 2  # cells left of the text: a mark that tells the role without colour, and a space
SIDESTEP = 8  # cells, to the left or right at a key press
CACHED_LINES = 1024
FOUND_WIDTH = 30  # cells of the tab bar for the words of the search
TIME_WIDTH = 9  # cells of a time of day, and a space

_GOING_ON = ("output_next", "output_previous")

MARKS = {
    Role.INPUT: "›",  # noqa: RUF001 -- a prompt's sign, not a comparison
    Role.STDOUT: " ",
    Role.STDERR: "!",
    Role.RESULT: "=",
    Role.DISPLAY: "=",
    Role.ERROR: "✗",
    Role.PAGER: "?",
    Role.PROMPT: "?",
    Role.ANSWER: "‹",  # noqa: RUF001 -- the counterpart of the prompt's sign
    Role.NOTE: "·",
}


class OutputView(OutputVerbs):
    """Follows the end of a transcript as it grows; holds any other place."""

    TAB = Tab.OUTPUT
    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"output-view--{role}" for role in Role),
        *(f"output-view--{role}-mark" for role in Role),
        "output-view--time",
        "output-view--match",
        "output-view--current-match",
        "output-view--selected",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "sidestep(1)", "Right", show=False),
        Binding("left,h", "sidestep(-1)", "Left", show=False),
        *bindings("output."),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.following = True
        self.wrapping = True
        self._transcript: TranscriptSource | None = None
        self._view: TranscriptView | None = None
        self._rows = RowMap(None)
        self._laid_out_width = 2
        """The cells of a row for text when the rows were counted last."""
        self._seen = 0
        """One past the last line that was there while the end was followed."""
        self._strips: LRUCache[int, tuple[Line, list[Strip]]] = LRUCache(CACHED_LINES)
        self._shift = 0
        """Cells that the lines are shifted to the left, when they are not wrapped."""
        self._timing = False
        self._search: OutputSearch | None = None
        self._current = -1
        """The line number of the current match; -1 for none."""

    # -- content ------------------------------------------------------------------------

    def show(self, transcript: TranscriptSource | None) -> None:
        """Show the end of another transcript, or none."""
        is_other = transcript is not self._transcript
        if is_other:
            self._transcript, self._view = transcript, None
            self.following = True
            self._lay_out()
        self.pull()
        if is_other:
            self.repaint_changes()

    def pull(self) -> None:
        """Show what was written since the last call; called at a fixed rate."""
        if self._transcript is None or not self.area:
            return
        self._fit()
        view = self._transcript.view()
        if self._view is None or view.version != self._view.version:
            self._absorb(view)

    def _absorb(self, view: TranscriptView) -> None:
        """Show `view`; only the lines that have changed are measured."""
        before, self._view = self._view, view
        if before is None:
            self._lay_out()
            return
        rows, place = self._rows, self._rows.top + self.scroll_offset.y
        was_following = self.following
        top, _ = rows.locate(place)
        if view.first > rows.first:
            rows.begin_with(view.first, *self._row_counts(view, view.first, view.first + 1))
        change = find_change(before, view)
        start = max(change.start, rows.first)
        counts = self._row_counts(view, start, change.end)
        moved = rows.replace(start, max(start, change.old_end), counts)
        self._seen = change.moved(self._seen - 1) + 1
        self._current = change.moved(self._current)
        if self._search:
            self._search.look(view)
        place += moved if top >= change.old_end else 0
        self._scroll(None if was_following else place - rows.top)
        self.repaint_changes()

    def _lay_out(self) -> None:
        """Measure every line again; the top line stays on top."""
        was_following, view = self.following, self._view
        number, _ = self._rows.locate(self._rows.top + self.scroll_offset.y)
        self._strips.clear()
        self._laid_out_width = self._body_width
        self._rows = rows = RowMap(self._wrap_width, view.first if view else 0)
        if view is not None:
            counts = self._row_counts(view, view.first, view.end)
            rows.replace(view.first, view.first, counts)
            if self._search:
                self._search.look(view)
        self._scroll(None if was_following else rows.row(number) - rows.top)
        self.refresh()

    def _row_counts(self, view: TranscriptView, start: int, end: int) -> Iterator[int]:
        """Yield how many rows the lines from `start` to `end` take."""
        width = self._rows.width
        index = bisect_right(view.entries, start, key=lambda entry: entry.start) - 1
        for entry in view.entries[max(0, index) :]:
            if entry.start >= end:
                break
            more = self._picture_size(entry)[1]
            for line in entry.lines[max(0, start - entry.start) : end - entry.start]:
                yield row_count(line, width) + more

    def _picture_size(self, entry: Entry) -> tuple[int, int]:
        return size_in_cells(entry.picture, self._laid_out_width) if entry.picture else (0, 0)

    def _scroll(self, row: int | None) -> None:
        """Fit the scrollbar to the rows, and scroll to `row`; to the end for None."""
        self.virtual_size = Size(0, self._rows.bottom - self._rows.top + HEADER)
        self.scroll_to(y=self.max_scroll_y if row is None else row, animate=False, force=True)
        if self.following and self._view is not None:
            self._seen = self._view.end

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.following = new_value >= self.max_scroll_y

    def on_resize(self) -> None:
        self._fit()
        self.pull()
        if self.following:
            self._scroll(None)

    def _fit(self) -> None:
        if self._laid_out_width != self._body_width:
            self._lay_out()

    # -- keys ---------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def action_page(self, pages: float) -> None:
        self.action_move(int(pages * max(1, self.area.height - HEADER)))

    def action_begin(self) -> None:
        self.scroll_to(y=0, animate=False, force=True)

    def action_end(self) -> None:
        self.following = True
        self._scroll(None)
        self.repaint_changes()

    def action_output_follow(self) -> None:
        """Follow the end; if it is followed already, hold this place."""
        if self.following:
            self.following = False
            self.repaint_changes()
        else:
            self.action_end()

    def action_output_wrap(self) -> None:
        self.wrapping = not self.wrapping
        self._shift = 0
        self._lay_out()

    def action_output_times(self) -> None:
        """Show when each line was printed, or hide that again."""
        self._timing = not self._timing
        self._lay_out()

    def action_sidestep(self, steps: int) -> None:
        """Move along lines that are too long for the view."""
        if not self.wrapping:
            shift = min(self._shift + steps * SIDESTEP, self._widest_visible - self._body_width)
            self._shift = max(0, shift)
            self.repaint_changes()

    # -- searching ----------------------------------------------------------------------

    def search(self, words: str) -> None:
        """Mark `words`, and go to the last match that is not below the last visible line."""
        self._strips.clear()
        self._search = OutputSearch(words) if words else None
        self._current = -1
        if self._search and self._view:
            self._search.look(self._view)
            self._go_to(self._search.before(self._last_visible + 1))
        self.refresh()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 -- Textual's
        """Offer the next and the previous match only while there is a search."""
        return action not in _GOING_ON or self._search is not None

    @property
    def words(self) -> str:
        """The words of the search; empty without one."""
        return self._search.words if self._search else ""

    def action_output_next(self) -> None:
        if self._search:
            self._go_to(self._search.after(self._current))

    def action_output_previous(self) -> None:
        if self._search:
            self._go_to(self._search.before(self._current))

    def _go_to(self, number: int | None) -> None:
        """Scroll until the matching line is visible."""
        self._strips.clear()
        if number is not None:
            self._current = number
            row = self._rows.row(number) - self._rows.top
            height = max(1, self.area.height - HEADER)
            if not self.scroll_offset.y <= row < self.scroll_offset.y + height:
                self.scroll_to(y=max(0, row - height // 2), animate=False, force=True)
        self.repaint_changes()

    # -- selecting with the mouse: line numbers and characters of the transcript ----------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        view = self._view
        if view is None or view.first == view.end:
            return None
        return selected_text(selection, view), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002 -- Textual's
        self._strips.clear()
        self.repaint_changes()

    # -- what is visible ----------------------------------------------------------------

    @property
    def view(self) -> TranscriptView | None:
        return self._view

    @property
    def _last_visible(self) -> int:
        bottom = self._rows.top + self.scroll_offset.y + self.area.height - HEADER
        number, _ = self._rows.locate(min(bottom, self._rows.bottom) - 1)
        return number

    @property
    def entries_in_sight(self) -> list[Entry]:
        if self._view is None or self._view.first == self._view.end:
            return []
        top, _ = self._rows.locate(self._rows.top + self.scroll_offset.y)
        return [
            entry
            for entry in self._view.entries
            if entry.start <= self._last_visible and entry.start + len(entry.lines) > top
        ]

    # -- painting -----------------------------------------------------------------------

    @property
    def _body_width(self) -> int:
        """Cells of a row for text: two at least, which any character needs."""
        return max(2, self.area.width - self._gutter)

    @property
    def _gutter(self) -> int:
        return GUTTER + TIME_WIDTH if self._timing else GUTTER

    @property
    def _wrap_width(self) -> int | None:
        return self._body_width if self.wrapping else None

    @property
    def _widest_visible(self) -> int:
        top = self.scroll_offset.y + self._rows.first
        lines = range(top, min(top + self.area.height - HEADER, self._rows.end))
        return max((self._bodies(number)[0].cell_length for number in lines), default=0)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def strip(self, y: int) -> Strip:
        if y < HEADER:
            return self._header()
        row = self._rows.top + self.scroll_offset.y + y - HEADER
        if self._view is None or row >= self._rows.bottom:
            return Strip.blank(self.area.width, self.style())
        number, part = self._rows.locate(row)
        entry = self._view.entry(number)
        bodies = self._bodies(number)
        begin = sum(len(body.text) for body in bodies[:part])
        begin += len(bodies[part].crop(0, self._shift).text) if self._shift else 0
        body = bodies[part].crop_extend(self._shift, self._shift + self._body_width, self.style())
        return Strip.join([*self._margin(entry, part), body.apply_offsets(begin, number)])

    def _margin(self, entry: Entry, part: int) -> list[Strip]:
        """Return the margin of a row: the time of its line, and a mark for the line's role."""
        mark = MARKS[entry.role] if part == 0 else ""
        style = self.style(f"output-view--{entry.role}-mark")
        margin = [Strip([Segment(mark.ljust(GUTTER), style)], GUTTER)]
        if self._timing:
            said = clock(entry.time) if part == 0 else ""
            said = said.ljust(TIME_WIDTH)
            margin.insert(0, Strip([Segment(said, self.style("output-view--time"))], TIME_WIDTH))
        return margin

    def _bodies(self, number: int) -> list[Strip]:
        """Return the text of line `number`, a strip for each of its rows, and its picture."""
        assert self._view is not None
        entry = self._view.entry(number)
        line = entry.lines[number - entry.start]
        if (cached := self._strips.get(number)) is not None and cached[0] is line:
            return cached[1]
        bodies = [self._painted_line(number, entry.role, line)]
        if self._rows.width is not None:
            bodies = list(bodies[0].divide(row_ends(line, self._rows.width)))
        columns, rows = self._picture_size(entry)
        if entry.picture and rows:
            picture = draw(entry.picture, columns, rows)
            bodies += picture or [Strip.blank(0)] * rows
        self._strips[number] = (line, bodies)
        return bodies

    def _painted_line(self, number: int, role: Role, line: Line) -> Strip:
        marks: list[Mark] = []
        if self._search is not None:
            part = "current-match" if number == self._current else "match"
            match = self.style(f"output-view--{part}")
            marks = [(start, end, match) for start, end in self._search.places(line)]
        if (selected := selected_part(self.text_selection, number, line)) is not None:
            marks.append((*selected, self.style("output-view--selected")))
        return paint(line, self.style(f"output-view--{role}"), marks)

    def _header(self) -> Strip:
        """Return the first line: the tabs, and how the output is shown."""
        found = self._search.told(self._current) if self._search else ""
        mode = "wrap" if self.wrapping else "no wrap"
        return self.bar(
            "  ".join(filter(None, (clean_line(found, FOUND_WIDTH), self._place(), mode)))
        )

    def _place(self) -> str:
        if self.following:
            return "follow"
        unseen = self._view.end - self._seen if self._view else 0
        return f"↓ {unseen} new" if unseen else "scrolled"
