"""ProcessView: the processes of a kernel as a tree; one of them can be signalled alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from kerneltui.formats import fit
from kerneltui.tui.details.history_words import Fact, growth, histories
from kerneltui.tui.details.process_rows import process_rows, titles, totals
from kerneltui.tui.widgets.row_pane import MAX_ROWS, TITLES, Row, RowPane, limited
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.process_tree import ProcessFacts
    from kerneltui.fleet.model.snapshot import Usage
    from kerneltui.kernels.processes.identity import ProcessIdentity


class ProcessView(RowPane):
    """A row a process, each under its parent; below it the files that it has open, on demand."""

    TAB = Tab.PROCESSES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "toggle_files", "Open files"),
        Binding("K", "signal", "Signal"),
        Binding("f9", "signal", "Signal", show=False),
        Binding("X", "kill", "Kill"),
    ]

    class SignalAsked(Message):
        """Somebody wants to signal one process, or to kill it."""

        def __init__(self, process: ProcessFacts, *, is_kill: bool) -> None:
            super().__init__()
            self.process = process
            self.is_kill = is_kill

    class FilesAsked(Message):
        """Somebody wants to see the open files of other processes than before."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: frozenset[ProcessIdentity] = frozenset()
        """The processes whose open files are shown."""
        self._processes: Sequence[ProcessFacts] = ()
        self._histories: tuple[Fact, ...] = ()
        self._cursor = 0
        """The number of the process under it."""
        self._rows: list[Row] = []
        self._owners: list[int] = []
        """The number of the process that a row is about."""

    def show(
        self, processes: Sequence[ProcessFacts], title: str = "", usage: Usage | None = None
    ) -> None:
        """Show what was found; parents come before their children.

        `usage`: of all of them together, of late.
        """
        self.kernel_name = title
        told = (*growth(usage), *histories(usage))
        if processes == self._processes and told == self._histories:
            return
        self._histories = told
        selected = self.selected.identity if self.selected else None
        self._processes = processes
        identities = [each.identity for each in processes]
        self._cursor = identities.index(selected) if selected in identities else self._cursor
        self._cursor = max(0, min(self._cursor, len(processes) - 1))
        self._make_rows()

    def _make_rows(self) -> None:
        rows = list(islice(process_rows(self._processes, self.area.width), MAX_ROWS + 1))
        self._rows = limited(row for _, row in rows)
        self._owners = [number for number, _ in rows]
        self.fit()

    def on_resize(self) -> None:
        self._make_rows()

    @property
    def selected(self) -> ProcessFacts | None:
        return self._processes[self._cursor] if self._processes else None

    # -- the cursor ----

    def _put_cursor(self, number: int) -> None:
        if not self._processes:
            return
        last_shown = self._owners[min(len(self._owners), MAX_ROWS) - 1]
        self._cursor = max(0, min(number, last_shown))
        first = bisect_left(self._owners, self._cursor)
        last = bisect_right(self._owners, self._cursor) - 1
        self.scroll_to_row(min(max(self.scroll_offset.y, last - self.page + 1), first))
        self.repaint_changes()

    def action_move(self, rows: int) -> None:
        self._put_cursor(self._cursor + rows)

    def action_begin(self) -> None:
        self._put_cursor(0)

    def action_end(self) -> None:
        self._put_cursor(len(self._processes) - 1)
        self.scroll_to_row(self.row_count())

    def on_click(self, event: events.Click) -> None:
        super().on_click(event)
        offset = event.get_content_offset(self)
        if offset is not None and offset.y >= self.head_height:
            place = offset.y - self.head_height + self.scroll_offset.y
            if place < len(self._owners):
                self._put_cursor(self._owners[place])

    # -- keys ----

    def action_signal(self) -> None:
        self._ask(is_kill=False)

    def action_kill(self) -> None:
        self._ask(is_kill=True)

    def _ask(self, *, is_kill: bool) -> None:
        if self.selected is not None:
            self.post_message(self.SignalAsked(self.selected, is_kill=is_kill))

    def action_toggle_files(self) -> None:
        if self.selected is not None:
            self.opened ^= {self.selected.identity}
            self.post_message(self.FilesAsked())

    # -- painting ----

    def status(self) -> str:
        zombies = sum(process.zombies for process in self._processes)
        told = (counted(len(self._processes), "process", "processes"),)
        return ", ".join((*told, counted(zombies, "zombie")) if zombies else told)

    def fixed(self) -> Sequence[Row]:
        told: list[Row] = [totals(self._processes)] if self._processes else []
        if self._histories:
            told.append([piece for fact in self._histories for piece in _pieces(fact)])
        return (*told, ((fit(titles(self.area.width), self.area.width), TITLES),))

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        row = self._rows[index]
        if index != bisect_left(self._owners, self._cursor):
            return row
        text = "".join(piece for piece, _ in row)
        return ((fit(f">{text[1:]}", self.area.width), "cursor"),)


def _pieces(fact: Fact) -> Row:
    return (f" {fact.label} ", "label"), (f"{fact.value} ", "")
