"""The dialog for columns: which are shown, and in which order."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from kerneltui.tui.table.columns import ALL, BY_ID, NAME, ColumnIds

_HINT = "Space shows or hides · J K move · R resets · Enter keeps"


class ColumnChoice:
    """All columns in the order wanted, and which of them are shown. Pure."""

    def __init__(self, shown: ColumnIds) -> None:
        self.ids = [*shown, *(each for each in ALL if each not in shown)]
        self.shown = set(shown)

    @property
    def chosen(self) -> ColumnIds:
        return tuple(each for each in self.ids if each in self.shown)

    def toggle(self, place: int) -> None:
        if self.ids[place] != NAME:
            self.shown ^= {self.ids[place]}

    def move(self, place: int, step: int) -> int:
        """Move the column at `place` by `step`, and return where it is then."""
        target = min(max(0, place + step), len(self.ids) - 1)
        self.ids.insert(target, self.ids.pop(place))
        return target

    def line(self, column: str) -> str:
        """Return the line about `column`."""
        box = "[x]" if column in self.shown else "[ ]"
        return f"{box} {BY_ID[column].title:<6} {BY_ID[column].about}"


class ColumnsScreen(ModalScreen[ColumnIds | None]):
    """Dismissed with the columns to show, None when cancelled."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("space", "show_or_hide", show=False),
        Binding("J", "move(1)", show=False),
        Binding("K", "move(-1)", show=False),
        Binding("R", "reset", show=False),
        Binding("j", "app.simulate_key('down')", show=False),
        Binding("k", "app.simulate_key('up')", show=False),
    ]

    def __init__(self, shown: ColumnIds) -> None:
        super().__init__()
        self._choice = ColumnChoice(shown)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Columns", classes="title", markup=False)
            yield OptionList(markup=False, compact=True)
            yield Static(_HINT, classes="note", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="no")
                yield Button("Keep", id="yes", variant="primary")

    def on_mount(self) -> None:
        self._list = self.query_one(OptionList)
        self._show(0)

    def _show(self, highlighted: int) -> None:
        self._list.set_options(Option(self._choice.line(each)) for each in self._choice.ids)
        self._list.highlighted = highlighted

    @property
    def _place(self) -> int:
        return self._list.highlighted or 0

    def action_show_or_hide(self) -> None:
        self._choice.toggle(self._place)
        self._show(self._place)

    def action_move(self, step: int) -> None:
        self._show(self._choice.move(self._place, step))

    def action_reset(self) -> None:
        self._choice = ColumnChoice(ALL)
        self._show(0)

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#yes")
    def keep(self) -> None:
        self.dismiss(self._choice.chosen)

    @on(Button.Pressed, "#no")
    def cancel(self) -> None:
        self.dismiss(None)
