"""FilterInput: the line for the table's filter, and a line for what is wrong with it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from kerneltui.fleet.model.filters import FilterError
from kerneltui.tui.keys.bindings import bindings
from kerneltui.tui.table.view import TableView
from kerneltui.tui.widgets.kept_input import KeptInput
from kerneltui.tui.widgets.late import Late

_EXAMPLE = "word !word state:busy mem:>1G cpu:>50 idle:>10m name:…"


class _Fault(Highlighter):
    """Highlights the character at which a filter is wrong."""

    position: int | None = None

    def highlight(self, text: Text) -> None:
        if self.position is not None:
            text.stylize("reverse", self.position, self.position + 1)


class FilterInput(Vertical):
    """Two lines that are shown while the filter is typed; each key filters the table."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("filter.")

    class Changed(Message):
        """The view has another filter."""

    class Left(Message):
        """The user leaves the filter."""

    def __init__(self) -> None:
        super().__init__()
        self._view = TableView()
        self._fault = _Fault()
        self._back = 0
        """How many filters ago the one that is shown was kept; 0 for the one being typed."""

        line = partial(KeptInput, highlighter=self._fault, select_on_focus=False, compact=True)
        self._line: Late[Input] = Late(line, self._fill)

    def on_mount(self) -> None:
        self.display = False

    def _fill(self, line: Input) -> None:
        row = Horizontal()
        self.mount(row, Static(_EXAMPLE, id="fault", markup=False))
        row.mount(Static("/", id="slash", markup=False), line)

    def open(self, view: TableView) -> None:
        """Edit the filter of `view`."""
        self._view = view
        self._back = 0
        self.display = True
        self._put(view.filter.text)
        self._line.widget.select_all()  # what is typed replaces it
        self._line.widget.focus()

    def close(self) -> None:
        self.display = False

    def _put(self, text: str) -> None:
        self._line.widget.value = text
        self._line.widget.action_end()

    @on(Input.Changed)
    def _apply(self, event: Input.Changed) -> None:
        event.stop()
        fault = self.query_one("#fault", Static)
        try:
            self._view.filter_by(event.value)
        except FilterError as error:
            self._fault.position = error.position
            fault.update(f"at {error.position + 1}: {error}")
        else:
            self._fault.position = None
            fault.update(_EXAMPLE)
        self.post_message(self.Changed())
        fault.set_class(self._fault.position is not None, "-wrong")
        event.input.refresh()

    @on(Input.Submitted)
    def action_filter_keep(self) -> None:
        """Go back to the table, unless something is wrong with the filter."""
        if self._fault.position is None:
            self._view.remember_filter()
            self.post_message(self.Left())

    def action_filter_clear(self) -> None:
        self._view.filter_by("")
        self.post_message(self.Changed())
        self.post_message(self.Left())

    def action_filter_previous(self) -> None:
        self._recall(self._back + 1)

    def action_filter_next(self) -> None:
        self._recall(self._back - 1)

    def _recall(self, back: int) -> None:
        if 0 <= back <= len(self._view.history):
            self._back = back
            self._put(self._view.history[-back] if back else "")
