"""Pane: a view of the selected kernel; its first line is the bar of tabs."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from kerneltui.formats import clip
from kerneltui.tui.widgets.line_view import HEADER, LineView
from kerneltui.tui.widgets.tab_bar import Tab, labels, tab_at

BAR = "pane--bar"
ACTIVE = "pane--active"


class Pane(LineView):
    """One of the tabs; only the visible one gets new data.

    A pane has the actions of its keys: `move`, `page`, `begin` and `end`.
    """

    DEFAULT_CSS = "Pane { overflow-y: scroll; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {BAR, ACTIVE}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Line down", show=False),
        Binding("up,k", "move(-1)", "Line up", show=False),
        Binding("pagedown", "page(1.0)", "Page down", show=False),
        Binding("pageup", "page(-1.0)", "Page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "begin", "First line", show=False),
        Binding("end,G", "end", "Last line", show=False),
    ]
    TAB: ClassVar[Tab]
    kernel_name: var[str] = var("", init=False)
    """The name of the kernel, shown at the end of the bar."""

    class TabPicked(Message):
        """A tab was clicked."""

        def __init__(self, tab: Tab) -> None:
            super().__init__()
            self.tab = tab

    @property
    def tab(self) -> Tab:
        """The tab whose content this is."""
        return self.TAB

    def watch_kernel_name(self) -> None:
        self.repaint_changes()

    def pull(self) -> None:
        """Show what is new; called at a fixed rate while the pane is visible."""

    def bar(self, status: str) -> Strip:
        """Return the first line: the tabs, the kernel's name and `status`."""
        style = self.style(BAR)
        segments = [
            Segment(label, self.style(ACTIVE) if tab is self.tab else style)
            for tab, label in labels(self.tab, self.area.width, focused=self.has_focus)
        ]
        used = sum(len(segment.text) for segment in segments)
        room = max(0, self.area.width - used - 1)
        whose = clip(self.kernel_name, room - cell_len(status) - 3)
        shown = clip("  ".join(filter(None, (whose, status))), room - 1)
        padding = " " * (room - cell_len(shown))
        strip = Strip([*segments, Segment(f"{padding}{shown} ", style)])
        return strip.adjust_cell_length(self.area.width, style)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= HEADER:
            return
        if tab := tab_at(self.tab, self.area.width, offset.x):
            event.stop()
            self.post_message(self.TabPicked(tab))
