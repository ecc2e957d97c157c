"""The help: a list of all keys, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kerneltui.tui.keys.action import Action
from kerneltui.tui.keys.bindings import grouped

_HINT = "Esc closes · ↑ ↓ scrolls"


class HelpScreen(ModalScreen[None]):
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss(None)", show=False),
        Binding("j", "app.simulate_key('down')", show=False),
        Binding("k", "app.simulate_key('up')", show=False),
    ]

    def __init__(self, actions: Iterable[Action]) -> None:
        """`actions`: the registry with the user's keys."""
        super().__init__()
        self._groups = grouped(actions)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Static("Keys", classes="title", markup=False)
            with VerticalScroll():
                for scope, actions in self._groups.items():
                    if actions:
                        yield Static(scope.value, classes="group", markup=False)
                        yield Static(_key_table(actions), markup=False)
            yield Static(_HINT, classes="note", markup=False)


def _key_table(actions: tuple[Action, ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=18)
    table.add_column(ratio=1)
    for action in actions:
        table.add_row(Text(action.keys_shown, "bold"), Text(action.description))
    return table
