"""The dialog to rename a kernel."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from kerneltui.tui.widgets.text_input import TextInput


class RenameScreen(ModalScreen[str | None]):
    """Dismissed with the name as typed, None when cancelled."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, name_now: str) -> None:
        super().__init__()
        self._name_now = name_now

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(f"Rename {self._name_now}", classes="title", markup=False)
            yield TextInput(self._name_now, compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", id="no")
                yield Button("Rename (Enter)", id="yes", variant="primary")

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def _rename(self) -> None:
        self.dismiss(self.query_one(Input).value)

    @on(Button.Pressed, "#no")
    def _cancel(self) -> None:
        self.dismiss(None)
