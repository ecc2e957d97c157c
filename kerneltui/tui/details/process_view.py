"""ProcessView: the processes of a kernel as a tree; one of them can be signalled alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from kerneltui.formats import fit
from kerneltui.tui.details.history_words import Fact, growth, histories
from kerneltui.tui.details.process_rows import process_rows, titles, totals
from kerneltui.tui.widgets.cursor_pane import CursorPane
from kerneltui.tui.widgets.row_pane import MAX_ROWS, TITLES, Row, limited
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.process_tree import ProcessFacts
    from kerneltui.fleet.model.snapshot import Usage
    from kerneltui.kernels.processes.identity import ProcessIdentity


PERIOD = 1.0  # seconds between two looks
FIRST_PERIOD = 0.3  # the same until CPU use is known, which takes two looks
BUSY = 0.5  # of a core: a child that uses so much gets the cursor
STARVED = 0.1  # the same if it uses more than the kernel itself: other programs may need the core


class ProcessView(CursorPane):
    """A row for each process, under its parent; below it its open files, on demand."""

    TAB = Tab.PROCESSES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "toggle_files", "Open files"),
        Binding("K", "signal", "Signal"),
        Binding("f9", "signal", "Signal", show=False),
        Binding("X", "kill", "Kill"),
    ]

    class SignalAsked(Message):
        """The user wants to signal one process, or to kill it."""

        def __init__(self, process: ProcessFacts, *, is_kill: bool) -> None:
            super().__init__()
            self.process = process
            self.is_kill = is_kill

    class FilesAsked(Message):
        """The user wants to see the open files of other processes than before."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: frozenset[ProcessIdentity] = frozenset()
        """The processes whose open files are shown."""
        self._processes: Sequence[ProcessFacts] = ()
        self._histories: tuple[Fact, ...] = ()
        self._cursor = 0
        """The index of the process under the cursor."""
        self._is_settled = False
        """The cursor was put on its first process; now only keys and clicks move it."""
        self._wanted: bool | None = None
        """The key pressed before the cursor was settled: True to kill, False to signal."""
        self._ended = 0
        """The pid of the process that has ended under the cursor, until the cursor is moved."""
        self._looks = 0
        """The number of looks at this kernel since the pane was last hidden."""
        self._rows: list[Row] = []
        self._owners: list[int] = []
        """For each row, the index of its process."""

    @property
    def period(self) -> float:
        """Seconds until the next look."""
        return PERIOD if self._looks else FIRST_PERIOD

    def forget(self) -> None:
        """Show nothing: another kernel is selected."""
        self.show(())
        self._ended = 0
        self._is_settled, self._wanted, self._looks = False, None, 0

    def on_hide(self) -> None:
        """Put the cursor on the busiest process the next time, unless it is on a child now."""
        self._is_settled, self._wanted, self._looks = self._cursor > 0, None, 0

    def show(self, processes: Sequence[ProcessFacts], usage: Usage | None = None) -> None:
        """Show `processes`; parents come before their children.

        `usage`: the recent use of all of them together.
        """
        self._looks += 1
        told = (*growth(usage), *histories(usage))
        if processes == self._processes and told == self._histories:
            return
        self._histories = told
        selected = self.selected.identity if self.selected else None
        self._processes = processes
        identities = [each.identity for each in processes]
        if selected is not None and selected not in identities:
            self._ended = selected.pid
        self._cursor = identities.index(selected) if selected in identities else self._cursor
        self._cursor = max(0, min(self._cursor, len(processes) - 1))
        self._make_rows()
        if not self._is_settled:
            self._settle(children_busy=usage is not None and usage.children_busy)

    def _settle(self, *, children_busy: bool) -> None:
        """Put the cursor on the busiest process once it is known; then do what a key asked."""
        loads = [each.cpu for each in self._processes if each.cpu is not None]
        is_known = any(loads[1:]) if children_busy else bool(loads)  # a look may miss their use
        if not is_known and len(self._processes) != 1:
            return
        wanted = self._wanted
        self.put_cursor(busiest_child(self._processes, children_busy=children_busy))
        if wanted is not None:
            self._ask(is_kill=wanted)

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

    @property
    def cursor(self) -> int:
        return self._cursor

    def set_cursor(self, number: int) -> None:
        self._cursor, self._is_settled, self._wanted, self._ended = number, True, None, 0

    def item_count(self) -> int:
        """Return how many processes are shown, which may not be all."""
        return self._owners[min(len(self._owners), MAX_ROWS) - 1] + 1 if self._owners else 0

    def rows_of(self, number: int) -> range:
        return range(bisect_left(self._owners, number), bisect_right(self._owners, number))

    def item_at(self, row: int) -> int | None:
        return self._owners[row] if row < len(self._owners) else None

    def action_end(self) -> None:
        super().action_end()
        self.scroll_to_row(self.row_count())

    # -- keys ----

    def action_signal(self) -> None:
        self._ask(is_kill=False)

    def action_kill(self) -> None:
        self._ask(is_kill=True)

    def _ask(self, *, is_kill: bool) -> None:
        if not self._is_settled:  # the cursor will be moved in a moment
            self._wanted = is_kill
        elif self._ended:  # the key may be meant for it
            self.notify(f"process {self._ended} has ended; press again for the one that is marked")
            self._ended = 0
        elif self.selected is not None:
            self.post_message(self.SignalAsked(self.selected, is_kill=is_kill))

    def action_toggle_files(self) -> None:
        self._is_settled = True
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
        return (*told, ((fit(titles(self._processes, self.area.width), self.area.width), TITLES),))

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        row = self._rows[index]
        if index != bisect_left(self._owners, self._cursor):
            return row
        text = "".join(piece for piece, _ in row)
        return ((fit(f">{text[1:]}", self.area.width), "cursor"),)


def busiest_child(processes: Sequence[ProcessFacts], *, children_busy: bool) -> int:
    """Return the index of the child that uses the most CPU; 0, the kernel, if none is busy.

    `children_busy`: the kernel's row says so; a short look may see little of it.
    """
    own, *loads = (each.cpu or 0.0 for each in processes)
    busiest = max(loads, default=0.0)
    is_busy = busiest >= BUSY or (busiest >= own and (busiest >= STARVED or children_busy))
    return loads.index(busiest) + 1 if is_busy else 0


def _pieces(fact: Fact) -> Row:
    return (f" {fact.label} ", "label"), (f"{fact.value} ", "")
