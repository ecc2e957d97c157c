"""StackView: the stack of each thread of the selected kernel, or its variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from kerneltui.fleet.diagnosis.stack import Stillness, Way
from kerneltui.formats import fit
from kerneltui.tui.stack.look import Looked
from kerneltui.tui.stack.rows import FoldRow, FrameRow, Meant, stack_rows
from kerneltui.tui.stack.variable_table import variable_table
from kerneltui.tui.widgets.cursor_pane import CursorPane
from kerneltui.tui.widgets.row_pane import TITLES, Row
from kerneltui.tui.widgets.tab_bar import Tab

LOOKING = "looking…"
PERIOD = 2.0  # seconds between two looks
LOGGED_PERIOD = 10.0  # the same if each look writes to the kernel's log and nothing moves


class StackView(CursorPane):
    """Rows with a cursor: Enter unfolds library frames, or shows the names of a frame."""

    TAB = Tab.STACK
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("v", "variables", "Variables"),
    ]

    class FrameOpened(Message):
        """The user wants to see the names of a frame."""

        def __init__(self, row: FrameRow) -> None:
            super().__init__()
            self.row = row

    class LookAsked(Message):
        """The user wants the variables instead of the stack, or the stack again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.wants_variables = False
        self._clock = clock
        self._looked: Looked | None = None
        self._stillness = Stillness()
        self._unfolded: set[FoldRow] = set()
        self._rows: list[Meant] = []
        self._cursor = 0

    @property
    def period(self) -> float:
        """Seconds until the next look."""
        stack = self._looked.stack if self._looked is not None else None
        is_logged = stack is not None and stack.way is Way.FAULTHANDLER
        return LOGGED_PERIOD if is_logged and str(self._stillness) else PERIOD

    # -- content ------------------------------------------------------------------------

    def forget(self) -> None:
        """Show nothing: another kernel is selected, and its stack comes first."""
        self.wants_variables = False
        self.show(None)

    def show(self, looked: Looked | None) -> None:
        """Show the result of a look; None before the first look at a kernel."""
        if looked is not None and looked.stack is not None and self.wants_variables:
            return  # this look began before the variables were wanted
        if looked is None:
            self._stillness, self._cursor = Stillness(), 0
            self._unfolded.clear()
        elif looked.stack is not None:
            self._stillness = self._stillness.after(looked.stack, self._clock())
        self._looked = looked
        self._lay_out()

    def _lay_out(self) -> None:
        self._rows = list(self._meant())
        self._cursor = min(self._cursor, max(0, len(self._rows) - 1))
        self.fit()

    def _meant(self) -> Sequence[Meant]:
        looked = self._looked
        if looked is None:
            return ()
        if looked.stack is not None:
            return list(stack_rows(looked.stack, self._unfolded, str(self._stillness)))
        if looked.variables == ():
            return [(((" no variables", "muted"),), None)]
        if looked.variables is not None:
            return [(((f" {line}", ""),), None) for line in variable_table(looked.variables)[1:]]
        return [(((f" {looked.problem}", "trouble"),), None)]

    # -- the cursor ---------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        return self._cursor

    def set_cursor(self, number: int) -> None:
        self._cursor = number

    # -- keys ---------------------------------------------------------------------------

    def action_open(self) -> None:
        meaning = self._rows[self._cursor][1] if self._rows else None
        if isinstance(meaning, FrameRow):
            self.post_message(self.FrameOpened(meaning))
        elif meaning is not None:
            self._unfolded ^= {meaning}
            self._lay_out()

    def action_variables(self) -> None:
        """Show the variables in place of the stack, or the stack again."""
        self.wants_variables = not self.wants_variables
        self.show(None)
        self.post_message(self.LookAsked())

    # -- painting -----------------------------------------------------------------------

    def status(self) -> str:
        if self._looked is None:
            return LOOKING
        if self._looked.stack is not None:
            return f"by {self._looked.stack.way}"
        return "variables" if self._looked.variables is not None else ""

    def fixed(self) -> Sequence[Row]:
        looked = self._looked
        if looked is None or looked.problem:
            return ()
        if looked.stack is not None:
            return (((f" touches {looked.stack.touches}", "muted"),),)
        titles = variable_table(looked.variables or ())[0]
        return (((fit(f" {titles}", self.area.width), TITLES),),)

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        row = self._rows[index][0]
        if index != self._cursor:
            return row
        text = "".join(stretch for stretch, _ in row)
        return ((fit(f">{text[1:]}", self.area.width), "cursor"),)
