"""HistorySearch: finds code run before, while the user types a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from kerneltui.tui.console.history import search
from kerneltui.tui.keys.bindings import bindings
from kerneltui.tui.widgets.late import Late
from kerneltui.tui.widgets.source import visible
from kerneltui.tui.widgets.text_input import TextInput

LINES = 5
"""Lines shown of the code that was found; the editor shows as many."""


class _Words(TextInput):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Take")]


class HistorySearch(Vertical):
    """Shown in the editor's place while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "console.search", "console.previous", "console.next", "console.leave"
    )

    class Taken(Message):
        """The user takes the code that is shown."""

        def __init__(self, code: str) -> None:
            super().__init__()
            self.code = code

    class GivenUp(Message):
        """The user closes the search without taking code."""

    def __init__(self) -> None:
        super().__init__()
        self._past: Sequence[str] = ()
        self._found: Sequence[str] = ()
        self._place = 0
        words = partial(_Words, compact=True, placeholder="what the code holds")
        self._words: Late[Input] = Late(words, self._fill)

    def _fill(self, words: Input) -> None:
        row = Horizontal()
        self.mount(row, Static(id="found", markup=False))
        row.mount(Static("search", markup=False), words, Static(id="place", markup=False))

    def open(self, past: Sequence[str]) -> None:
        """Search in `past`, the oldest first."""
        self._past = past
        self.display = True
        self._words.widget.value = ""
        self._search()
        self.focus_words()

    def focus_words(self) -> None:
        self._words.widget.focus()

    @on(Input.Changed)
    def _search_anew(self, event: Input.Changed) -> None:
        event.stop()
        self._search()

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        if self._found:
            self.post_message(self.Taken(self._found[self._place]))

    def action_console_search(self) -> None:
        self.action_console_previous()

    def action_console_previous(self) -> None:
        self._go_to(self._place + 1)

    def action_console_next(self) -> None:
        self._go_to(self._place - 1)

    def action_console_leave(self) -> None:
        self.post_message(self.GivenUp())

    def _search(self) -> None:
        self._found = search(self._past, self._words.widget.value)
        self._show(0)

    def _go_to(self, place: int) -> None:
        if 0 <= place < len(self._found):
            self._show(place)

    def _show(self, place: int) -> None:
        self._place = place
        count = len(self._found)
        self.query_one("#place", Static).update(f"{place + 1}/{count}" if count else "not found")
        code = self._found[place] if count else ""
        self.query_one("#found", Static).update(excerpt(code, self._words.widget.value))


def excerpt(code: str, words: str) -> Text:
    """Return the lines of `code` around the first `words`, which are highlighted."""
    start = max(0, code.lower().find(words.lower()))
    row = code.count("\n", 0, start)
    first = max(0, row - LINES + 1)
    lines = code.split("\n")[first : first + LINES]
    text = Text(visible("\n".join(lines)), no_wrap=True, overflow="ellipsis")
    start -= sum(len(line) + 1 for line in code.split("\n")[:first])
    text.stylize("bold underline", start, start + len(words))
    return text
