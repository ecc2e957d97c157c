"""Documentation: a kernel's help for a name, over the console until Esc."""

from __future__ import annotations

from functools import partial

from textual.containers import VerticalScroll
from textual.widgets import Static

from kerneltui.protocol.text import clean_lines, plain
from kerneltui.tui.widgets.late import Late

_NOTHING = "no documentation found"


class Documentation(VerticalScroll):
    def __init__(self) -> None:
        super().__init__(id="documentation", can_focus=False)
        self._text = Late(partial(Static, markup=False), self.mount)

    def tell(self, reply: dict[str, object]) -> None:
        """Show the text of an inspect_reply."""
        data = reply.get("data")
        text = data.get("text/plain") if isinstance(data, dict) else None
        lines = clean_lines(text if isinstance(text, str) else _NOTHING)
        self._text.widget.update("\n".join(map(plain, lines)))
        self.display = True
        self.scroll_home(animate=False)

    def read(self, command: str) -> None:
        """Scroll as the editor's key asks."""
        page = max(1, self.size.height - 1)
        lines = {
            "read_previous": -1,
            "read_next": 1,
            "read_page_up": -page,
            "read_page_down": page,
        }
        self.scroll_relative(y=lines[command], animate=False)
