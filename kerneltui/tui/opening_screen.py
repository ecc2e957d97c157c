"""The screen shown while the rest loads. It needs only Textual, to be painted at once."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static


class OpeningScreen(Screen[None]):
    """The main screen's first row and first word."""

    HORIZONTAL_BREAKPOINTS = VERTICAL_BREAKPOINTS = []  # noqa: RUF012 -- Textual's; the same in any size
    DEFAULT_CSS: ClassVar[str] = """
    OpeningScreen #name {
        padding: 0 1;
        background: $panel;
        color: $text-primary;
        text-style: bold;
    }
    OpeningScreen #loading {
        padding: 1 2;
        color: $text-muted;
    }
    """

    def compose(self) -> ComposeResult:
        yield Static("kerneltui", id="name", markup=False)
        yield Static("Loading…", id="loading", markup=False)
