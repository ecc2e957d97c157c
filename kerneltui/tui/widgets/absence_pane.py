"""AbsencePane: a sentence in place of a tab's content."""

from __future__ import annotations

import textwrap
from typing import ClassVar

from kerneltui.tui.widgets.row_pane import Row, RowPane
from kerneltui.tui.widgets.tab_bar import Tab


class AbsencePane(RowPane):
    """Stands in for any tab."""

    TAB: ClassVar[Tab] = Tab.OUTPUT

    def __init__(self) -> None:
        super().__init__()
        self._tab = self.TAB
        self._sentence = ""
        self._lines: list[str] = []

    @property
    def tab(self) -> Tab:
        return self._tab

    def show(self, tab: Tab, sentence: str) -> None:
        """Show why `tab` has no content."""
        if (tab, sentence) != (self._tab, self._sentence):
            self._tab, self._sentence = tab, sentence
            self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        self._lines = textwrap.wrap(self._sentence, max(10, self.area.width - 2))
        self.fit()

    def row_count(self) -> int:
        return len(self._lines)

    def row(self, index: int) -> Row:
        return ((f" {self._lines[index]}", "muted"),)
