"""The search line over the output: it searches at each key press."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from kerneltui.tui.widgets.kept_input import KeptInput
from kerneltui.tui.widgets.key_line import KeyLine


class SearchScreen(ModalScreen[None]):
    """Enter keeps what is found, Escape forgets it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "forget", "Forget")]

    def __init__(self, words: str, search: Callable[[str], None]) -> None:
        """`words`: the words of the search so far."""
        super().__init__()
        self._words = words
        self._search = search

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("/", markup=False)
            yield KeptInput(self._words, placeholder="search the output", compact=True)
        yield KeyLine()

    @on(Input.Changed)
    def _look(self, event: Input.Changed) -> None:
        if event.value != self._words:
            self._words = event.value
            self._search(event.value)

    @on(Input.Submitted)
    def _keep(self) -> None:
        self.dismiss(None)

    def action_forget(self) -> None:
        self._search("")
        self.dismiss(None)
