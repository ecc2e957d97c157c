"""ProcessView: the processes of a kernel as a tree; one of them can be signalled alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from kerneltui import formats
from kerneltui.formats import fit
from kerneltui.tui.details.tree_lines import tree_lines
from kerneltui.tui.widgets.row_pane import MAX_ROWS, TITLES, Row, RowPane, limited
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.process_tree import ProcessFacts
    from kerneltui.kernels.processes.identity import ProcessIdentity

PATH_INDENT = " " * 10  # under the state: paths are long
_TITLES = "      PID STATE       CPU%   MEM  AGE  THR FILES  COMMAND"


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
        self._cursor = 0
        """The number of the process under it."""
        self._rows: list[Row] = []
        self._owners: list[int] = []
        """The number of the process that a row is about."""

    def show(self, processes: Sequence[ProcessFacts], title: str = "") -> None:
        """Show what was found; parents come before their children."""
        self.kernel_name = title
        if processes == self._processes:
            return
        selected = self.selected.identity if self.selected else None
        self._processes = processes
        identities = [each.identity for each in processes]
        self._cursor = identities.index(selected) if selected in identities else self._cursor
        self._cursor = max(0, min(self._cursor, len(processes) - 1))
        rows = list(islice(_rows(processes), MAX_ROWS + 1))
        self._rows = limited(row for _, row in rows)
        self._owners = [number for number, _ in rows]
        self.fit()

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
        return (((fit(_TITLES, self.area.width), TITLES),),)

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        row = self._rows[index]
        if index != bisect_left(self._owners, self._cursor):
            return row
        text = "".join(piece for piece, _ in row)
        return ((fit(f">{text[1:]}", self.area.width), "cursor"),)


def _rows(processes: Sequence[ProcessFacts]) -> Iterator[tuple[int, Row]]:
    """Yield the rows of each process, with its number."""
    lines = tree_lines([process.depth for process in processes])
    for number, (process, line) in enumerate(zip(processes, lines, strict=True)):
        for row in _rows_of(process, line):
            yield number, row


def _rows_of(process: ProcessFacts, line: str) -> Iterator[Row]:
    """Yield the row of a process, one for its zombies, and one for each file that it has open."""
    numbers = (
        fit(str(process.pid), 8, "right"),
        fit(process.state, 9),
        fit("-" if process.cpu is None else formats.cpu(process.cpu), 6, "right"),
        fit(formats.memory(process.rss), 5, "right"),
        fit("-" if process.age is None else formats.duration(process.age), 4, "right"),
        fit(str(process.threads), 4, "right"),
        fit("-" if process.files is None else str(process.files), 5, "right"),
    )
    left = f"{process.has_left}: " if process.has_left else ""
    yield (f" {' '.join(numbers)}  {line}", ""), (left, "trouble"), (process.command, "")
    if process.zombies:
        told = f"{counted(process.zombies, 'zombie')}: ended, and not reaped by {process.pid}"
        yield ((f"{PATH_INDENT}{told}", "trouble"),)
    for path in process.paths or ():
        yield ((f"{PATH_INDENT}{path}", "muted"),)
    if process.paths == ():
        yield ((f"{PATH_INDENT}no open files that can be seen", "muted"),)
