"""ProcessView: the processes of a kernel as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kerneltui import formats
from kerneltui.formats import fit
from kerneltui.tui.widgets.row_pane import TITLES, Row, RowPane, limited
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.process_tree import ProcessFacts

ESCAPED = "left the group: "
INDENT = "  "
PATH_INDENT = " " * 10  # under the state: paths are long
_MAX_DEPTH = 10  # beyond it the command would be out of sight
_TITLES = "      PID STATE        CPU%   MEM  THR FILES  COMMAND"


class ProcessView(RowPane):
    """A row a process, each under its parent; below it the files that it has open."""

    TAB = Tab.PROCESSES

    def __init__(self) -> None:
        super().__init__()
        self._processes: Sequence[ProcessFacts] = ()
        self._rows: list[Row] = []

    def show(self, processes: Sequence[ProcessFacts], title: str = "") -> None:
        """Show what was found; parents come before their children."""
        self.kernel_name = title
        if processes != self._processes:
            self._processes = processes
            self._rows = limited(row for process in processes for row in _rows(process))
            self.fit()

    def status(self) -> str:
        return counted(len(self._processes), "process", "processes")

    def fixed(self) -> Sequence[Row]:
        return (((fit(_TITLES, self.area.width), TITLES),),)

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        return self._rows[index]


def _rows(process: ProcessFacts) -> Iterator[Row]:
    """Yield the row of a process, and one for each file that it has open."""
    tree = INDENT * min(process.depth, _MAX_DEPTH)
    escaped = ESCAPED if process.escaped else ""
    numbers = (
        fit(str(process.pid), 8, "right"),
        fit(process.state, 10),
        fit("-" if process.cpu is None else formats.cpu(process.cpu), 6, "right"),
        fit(formats.memory(process.rss), 5, "right"),
        fit(str(process.threads), 4, "right"),
        fit("-" if process.files is None else str(process.files), 5, "right"),
    )
    yield (f" {' '.join(numbers)}  {tree}", ""), (escaped, "trouble"), (process.command, "")
    for path in process.paths:
        yield ((f"{PATH_INDENT}{path}", "muted"),)
