"""The list of the latest notices: the message line is short, and shows them briefly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kerneltui.tui.terminal.shown_notice import ShownNotice


class NoticesScreen(ModalScreen[None]):
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,M", "dismiss(None)", show=False)]

    def __init__(self, notices: Sequence[ShownNotice]) -> None:
        """`notices`: the oldest first."""
        super().__init__()
        self._notices = tuple(notices)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Static("Notices", classes="title", markup=False)
            with VerticalScroll():
                yield Static(self._text(), markup=False)
            yield Static("Esc closes", classes="note", markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).scroll_end(animate=False)

    def _text(self) -> Text:
        lines = [f"{said.time}  {said.severity:<11}  {said.text}" for said in self._notices]
        return Text("\n".join(lines) or "No notices yet.")
