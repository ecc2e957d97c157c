"""LineView: lines under a header, written to the terminal only if they changed."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

HEADER = 1  # lines; it stays while the rows below it scroll


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """A scrolled widget that paints line by line, and only lines that have changed.

    Textual writes all that is refreshed, changed or not: over ssh that is visible.
    It binds only the keys in the registry, so that all other keys are free.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "LineView { overflow-x: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self._painted: dict[int, Strip] = {}
        self._styles: dict[str, Style] = {}

    def strip(self, y: int) -> Strip:
        """Return line `y` of the widget, as wide as the area."""
        raise NotImplementedError

    def repaint_changes(self) -> None:
        """Paint the lines again that differ from the screen."""
        height = self.area.height
        dirty = {y: dirty_width(s, self.strip(y)) for y, s in self._painted.items() if y < height}
        if any(dirty.values()):
            self.refresh(*(Region(0, y, width, 1) for y, width in dirty.items() if width))

    @property
    def area(self) -> Size:
        """The size to paint on: without the scrollbar."""
        return self.scrollable_content_region.size

    def style(self, part: str = "") -> Style:
        """Return the style of a component class, or of the widget itself."""
        if part not in self._styles:
            self._styles[part] = self.get_component_rich_style(part) if part else self.rich_style
        return self._styles[part]

    # -- called by Textual --------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        strip = self._painted[y] = self.strip(y)
        return strip

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._painted.clear()  # all lines are painted again: there is nothing to compare


def dirty_width(before: Strip, after: Strip) -> int:
    """Return how many cells of a line, from its beginning, must be painted again.

    From its beginning, because Textual writes a line from there to the last change.
    """
    if before == after:
        return 0
    old, new = list(before), list(after)
    while old and new and old[-1] == new[-1]:
        old.pop()
        new.pop()
    return max(sum(segment.cell_length for segment in line) for line in (old, new))
