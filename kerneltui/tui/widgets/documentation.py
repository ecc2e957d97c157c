"""Documentation: what a kernel knows of a name, over the console until Esc."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from kerneltui.protocol.text import clean_lines, plain

_NOTHING = "nothing is known of this"


class Documentation(VerticalScroll):
    def __init__(self) -> None:
        super().__init__(id="documentation", can_focus=False)

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def tell(self, reply: dict[str, object]) -> None:
        """Show the text of an inspect_reply."""
        data = reply.get("data")
        text = data.get("text/plain") if isinstance(data, dict) else None
        lines = clean_lines(text if isinstance(text, str) else _NOTHING)
        self.query_one(Static).update("\n".join(map(plain, lines)))
        self.display = True
        self.scroll_home(animate=False)
