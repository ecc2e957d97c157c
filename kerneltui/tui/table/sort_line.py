"""The line that asks for the column to sort by: one letter for each visible column."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from kerneltui.tui.table.columns import Column

ATTENTION = "a"
"""The letter of the order without a column: kernels that need attention first."""


class SortScreen(ModalScreen[str | None]):
    """Dismissed with a column's id, "" for the order without one, None for any other key."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self._answers = {column.letter: column.id for column in columns} | {ATTENTION: ""}
        self._offers = [(column.letter, column.title) for column in columns]

    def compose(self) -> ComposeResult:
        offers = [*self._offers, (ATTENTION, "urgent")]
        words = [Content.assemble((letter, "bold $text-accent"), f" {t}") for letter, t in offers]
        yield Static(Content("  ").join([Content("sort by"), *words]))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(self._answers.get(event.key))

    def on_click(self) -> None:
        self.dismiss(None)
