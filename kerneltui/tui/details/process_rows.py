"""Rows for the processes of a kernel: the use of each, and the totals. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kerneltui import formats
from kerneltui.formats import fit
from kerneltui.tui.details.tree_lines import tree_lines
from kerneltui.tui.widgets.row_pane import Row
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.process_tree import ProcessFacts

NOTHING = "-"
ROOMY = 110  # cells of width from which on all columns are shown
_PATH_INDENT = " " * 10  # paths begin under the state: they are long


class _Column(NamedTuple):
    title: str
    width: int
    cell: Callable[[ProcessFacts], str]
    is_minor: bool = False
    """It is shown only if there is room."""
    is_of_gpu: bool = False
    """It is shown only if a process uses a GPU."""


def _told(value: float | None, show: Callable[[float], str]) -> str:
    return NOTHING if value is None else show(value)


def _size(value: int | None) -> str:
    return NOTHING if value is None else formats.memory(value)


def _gpu_use(process: ProcessFacts) -> str:
    return _told(process.gpu.use if process.gpu else None, formats.cpu)


def _gpu_memory(process: ProcessFacts) -> str:
    return _size(process.gpu.memory if process.gpu else None)


_COLUMNS = (
    _Column("PID", 8, lambda process: str(process.pid)),
    _Column("STATE", -9, lambda process: process.state),
    _Column("CPU%", 6, lambda process: _told(process.cpu, formats.cpu)),
    _Column("MEM", 5, lambda process: formats.memory(process.rss)),
    _Column("PSS", 5, lambda process: _size(process.shares and process.shares.pss), is_minor=True),
    _Column("USS", 5, lambda process: _size(process.shares and process.shares.uss), is_minor=True),
    _Column("AGE", 4, lambda process: _told(process.age, formats.duration)),
    _Column("THR", 4, lambda process: str(process.threads)),
    _Column("FILES", 5, lambda process: _told(process.files, str)),
    _Column("GPU%", 4, _gpu_use, is_of_gpu=True),
    _Column("GPUMEM", 6, _gpu_memory, is_of_gpu=True),
    _Column("READ", 8, lambda process: _told(process.read, formats.rate), is_minor=True),
    _Column("WRITTEN", 8, lambda process: _told(process.written, formats.rate), is_minor=True),
)
"""A negative width means aligned to the left."""


def titles(processes: Sequence[ProcessFacts], width: int) -> str:
    """Return the titles of the columns for a line of `width` cells."""
    shown = [_fitted(column.title, column) for column in _columns(processes, width)]
    return f" {' '.join(shown)}  COMMAND"


def process_rows(processes: Sequence[ProcessFacts], width: int) -> Iterator[tuple[int, Row]]:
    """Yield the rows of each process, with the index of the process."""
    lines, columns = tree_lines([each.depth for each in processes]), _columns(processes, width)
    for number, (process, line) in enumerate(zip(processes, lines, strict=True)):
        for row in _rows_of(process, line, columns):
            yield number, row


def totals(processes: Sequence[ProcessFacts]) -> Row:
    """Return the totals of all processes; a value that is known of none is left out."""
    shares = [each.shares for each in processes if each.shares is not None]
    gpus = [each.gpu for each in processes if each.gpu is not None]
    sums = {
        "PSS": _sum((each.pss for each in shares), formats.memory),
        "USS": _sum((each.uss for each in shares), formats.memory),
        "threads": _sum((each.threads for each in processes), str),
        "files": _sum((each.files for each in processes), str),
        "disk read": _sum((each.read for each in processes), formats.rate),
        "written": _sum((each.written for each in processes), formats.rate),
        "GPU%": _sum((each.use for each in gpus), formats.cpu),
        "GPU memory": _sum((each.memory for each in gpus), formats.memory),
    }
    return [
        piece
        for label, value in sums.items()
        if value
        for piece in ((f" {label} ", "label"), (f"{value} ", ""))
    ]


def _sum(values: Iterable[float | None], show: Callable[[float], str]) -> str:
    known = [value for value in values if value is not None]
    return show(sum(known)) if known else ""


def _columns(processes: Sequence[ProcessFacts], width: int) -> list[_Column]:
    has_gpu = any(process.gpu for process in processes)
    return [
        column
        for column in _COLUMNS
        if (width >= ROOMY or not column.is_minor) and (has_gpu or not column.is_of_gpu)
    ]


def _fitted(text: str, column: _Column) -> str:
    return fit(text, abs(column.width), "right" if column.width > 0 else "left")


def _rows_of(process: ProcessFacts, line: str, columns: Sequence[_Column]) -> Iterator[Row]:
    """Yield the row of a process, one for its zombies, and one for each file that it has open."""
    cells = [_fitted(column.cell(process), column) for column in columns]
    left = f"{process.has_left}: " if process.has_left else ""
    yield (f" {' '.join(cells)}  {line}", ""), (left, "trouble"), (process.command, "")
    if process.zombies:
        told = f"{counted(process.zombies, 'zombie')}: ended, and not reaped by {process.pid}"
        yield ((f"{_PATH_INDENT}{told}", "trouble"),)
    for path in process.paths or ():
        yield ((f"{_PATH_INDENT}{path}", "muted"),)
    if process.paths == ():
        yield ((f"{_PATH_INDENT}no open files that can be seen", "muted"),)
