"""OutputView: what a kernel said, drawn from its transcript at the caller's pace."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.strip import Strip

from kerneltui.fleet.transcript import Role
from kerneltui.protocol.text import Colour, TextStyle
from kerneltui.tui.widgets.line_view import HEADER
from kerneltui.tui.widgets.pane import Pane
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.tui.wrapping import RowMap, row_ends

if TYPE_CHECKING:
    from kerneltui.fleet.transcript import Transcript, TranscriptView
    from kerneltui.protocol.text import Line

GUTTER = 2  # cells left of the text: a mark that tells the role without colour, and a space
SIDESTEP = 8  # cells, to the left or right at a key press
CACHED_LINES = 1024

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


class OutputView(Pane):
    """The end of a transcript, followed as it grows; any other place, held while it grows."""

    TAB = Tab.OUTPUT
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"output-view--{role}" for role in Role),
        *(f"output-view--{role}-mark" for role in Role),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Line down", show=False),
        Binding("up,k", "move(-1)", "Line up", show=False),
        Binding("pagedown", "page(1.0)", "Page down", show=False),
        Binding("pageup", "page(-1.0)", "Page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "begin", "First line", show=False),
        Binding("end,G", "end", "Last line", show=False),
        Binding("right,l", "sidestep(1)", "Right", show=False),
        Binding("left,h", "sidestep(-1)", "Left", show=False),
        Binding("f", "follow", "Follow", show=False),
        Binding("w", "wrap", "Wrap", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.following = True
        self.wrapping = True
        self._transcript: Transcript | None = None
        self._view: TranscriptView | None = None
        self._rows = RowMap(None)
        self._seen = 0
        """One past the last line that there was while following."""
        self._strips: LRUCache[int, tuple[Line, list[Strip]]] = LRUCache(CACHED_LINES)
        self._shift = 0
        """Cells that the lines are shifted to the left, when they are not wrapped."""

    # -- content ------------------------------------------------------------------------

    def show(self, transcript: Transcript | None, title: str = "") -> None:
        """Show the end of another transcript, or none; `title` tells whose it is."""
        self.kernel_name = title
        if transcript is not self._transcript:
            self._transcript, self._view = transcript, None
            self.following = True
            self._lay_out()
        self.pull()
        self.repaint_changes()

    def pull(self) -> None:
        """Take in what was written since the last time; to be called at a fixed rate."""
        if self._transcript is None or not self.area:
            return
        self._fit()
        view = self._transcript.view()
        if self._view is None or view.version != self._view.version:
            self._absorb(view)

    def _absorb(self, view: TranscriptView) -> None:
        """Go on to `view`; only its new lines, and the last one so far, have to be measured."""
        rows = self._rows
        was_following, top, last = self.following, rows.top, rows.end - 1
        self._view = view
        rows.drop_from(last)
        if view.first > rows.first:
            rows.begin_with(view.first, view.line(view.first)[1])
        rows.extend(lines_from(view, rows.end))
        self._scroll(None if was_following else self.scroll_offset.y - (rows.top - top))
        self.repaint_changes()

    def _lay_out(self) -> None:
        """Measure every line anew, and hold the place of the one that is on top."""
        was_following = self.following
        number, _ = self._rows.locate(self._rows.top + self.scroll_offset.y)
        self._strips.clear()
        self._rows = rows = RowMap(self._wrap_width, self._view.first if self._view else 0)
        if self._view is not None:
            rows.extend(lines_from(self._view, self._view.first))
        self._scroll(None if was_following else rows.row(number) - rows.top)
        self.refresh()

    def _scroll(self, row: int | None) -> None:
        """Fit the scrollbar to the rows, and put `row`, or the end, where it is seen."""
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
        if self._rows.width != self._wrap_width:
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

    def action_follow(self) -> None:
        """Follow the end; or, at the end already, hold this place."""
        if self.following:
            self.following = False
            self.repaint_changes()
        else:
            self.action_end()

    def action_wrap(self) -> None:
        self.wrapping = not self.wrapping
        self._shift = 0
        self._lay_out()

    def action_sidestep(self, steps: int) -> None:
        """Move along lines that are too long for the view."""
        if not self.wrapping:
            shift = min(self._shift + steps * SIDESTEP, self._widest_visible - self._body_width)
            self._shift = max(0, shift)
            self.repaint_changes()

    # -- painting -----------------------------------------------------------------------

    @property
    def _body_width(self) -> int:
        """Cells of a row for text: two at least, which any character needs."""
        return max(2, self.area.width - GUTTER)

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
        role, _ = self._view.line(number)
        style = self.style(f"output-view--{role}-mark")
        mark = MARKS[role] if part == 0 else ""
        body = self._bodies(number)[part]
        body = body.crop_extend(self._shift, self._shift + self._body_width, self.style())
        return Strip.join([Strip([Segment(mark.ljust(GUTTER), style)], GUTTER), body])

    def _bodies(self, number: int) -> list[Strip]:
        """Return the text of line `number`, a strip for each of its rows."""
        assert self._view is not None
        role, line = self._view.line(number)
        if (cached := self._strips.get(number)) is not None and cached[0] is line:
            return cached[1]
        base = self.style(f"output-view--{role}")
        body = Strip([Segment(span.text, base + rich_style(span.style)) for span in line])
        bodies = [body]
        if self._rows.width is not None:
            bodies = list(body.divide(row_ends(line, self._rows.width)))
        self._strips[number] = (line, bodies)
        return bodies

    def _header(self) -> Strip:
        """Return the first line: the tabs, and how the output is shown."""
        mode = "wrap" if self.wrapping else "no wrap"
        return self.bar(f"{self._place()}  {mode}")

    def _place(self) -> str:
        if self.following:
            return "follow"
        unseen = self._view.end - self._seen if self._view else 0
        return f"↓ {unseen} new" if unseen else "scrolled"


def lines_from(view: TranscriptView, number: int) -> Iterator[Line]:
    """Yield the lines of `view` from line `number` on."""
    index = bisect_right(view.entries, number, key=lambda entry: entry.start) - 1
    for entry in view.entries[max(0, index) :]:
        yield from entry.lines[max(0, number - entry.start) :]


@functools.lru_cache(maxsize=1024)
def rich_style(style: TextStyle) -> Style:
    """Return `style` for painting; what it leaves open is left to what it lies on."""
    return Style(
        color=_colour(style.fg),
        bgcolor=_colour(style.bg),
        bold=style.bold or None,
        dim=style.dim or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
        strike=style.strike or None,
    )


def _colour(colour: Colour | None) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)
