"""The dialog that shows the names of one frame, with types and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kerneltui.tui.stack.variable_table import variable_table

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.stack import Frame
    from kerneltui.tui.stack.look import Looked


class NamesScreen(ModalScreen[None]):
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", show=False),
        Binding("j", "app.simulate_key('down')", show=False),
        Binding("k", "app.simulate_key('up')", show=False),
    ]

    def __init__(self, frame: Frame, looked: Looked) -> None:
        super().__init__()
        self._frame = frame
        self._looked = looked

    def compose(self) -> ComposeResult:
        frame, variables = self._frame, self._looked.variables
        with Vertical(classes="dialog -wide"):
            yield Static(f"{frame.function}  {frame.place}", classes="title", markup=False)
            yield Static(frame.source or frame.file, markup=False)
            with VerticalScroll():
                if variables:
                    yield Static("\n".join(variable_table(variables)), markup=False)
                else:
                    yield Static(self._looked.problem or "it has no names", markup=False)
            yield Static("Esc closes · ↑ ↓ scrolls", classes="note", markup=False)
