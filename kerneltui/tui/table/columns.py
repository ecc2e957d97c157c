"""The columns of the kernel table: what each shows of a snapshot, and how it sorts.

Rule: pure. `now` is an argument, an instant of `time.monotonic()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len

from kerneltui import formats
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.model.origin import Origin
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState
from kerneltui.tui.table.conditions import (
    MARKS,
    NEEDING,
    Cell,
    Tone,
    elapsed,
    state_cell,
    state_width,
)

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

NOTHING = "-"
_RECENT = 8  # samples that the fleet keeps
_WORDS = tuple(Word)
_ORIGIN = 8  # cells
HOST = "host"
"""The column that is shown only if there are kernels of other machines."""


@frozen
class Column:
    """One column: its title, its width, and what it takes from a snapshot."""

    id: str
    letter: str
    """The key that sorts by it, pressed after the key of the sort action."""
    title: str
    about: str
    """What it shows, for the dialog that chooses columns."""
    width: int
    """Cells; the least ones if the column grows or has a `need`."""
    priority: int
    """If there is no room, the column with the highest number is hidden first; 0 never is."""
    cell: Callable[[KernelSnapshot, float], Cell]
    sort_key: Callable[[KernelSnapshot], str | float | None]
    """The key of the ascending order; None for a kernel without a value."""
    align: formats.Align = "left"
    descends: bool = False
    """By default the greatest values come first."""
    grows: bool = False
    """It may take the room that is left."""
    need: Callable[[KernelSnapshot], int] | None = None
    """Returns the cells that a kernel's value needs, 0 if it is not worth any; None if the
    column's width does not depend on the values."""
    most: int = 0
    """Cells that it takes at most, if there is room for what it needs."""


# -- cells ------------------------------------------------------------------------------


def _is_dead(kernel: KernelSnapshot) -> bool:
    return kernel.state is KernelState.DEAD


def _state_key(kernel: KernelSnapshot) -> int:
    return _WORDS.index(kernel.condition.word) if kernel.is_heard else len(_WORDS)


def _name(kernel: KernelSnapshot, _now: float) -> Cell:
    return Cell(kernel.name, "muted" if _is_dead(kernel) else "strong")


def _host(kernel: KernelSnapshot, _now: float) -> Cell:
    return Cell(kernel.host, "plain" if kernel.engine else "muted")


def _origin(kernel: KernelSnapshot, _now: float) -> Cell:
    is_ours = kernel.origin is Origin.KERNELTUI
    return Cell("ours" if is_ours else str(kernel.origin), "muted" if is_ours else "plain")


def _pid(kernel: KernelSnapshot, _now: float) -> Cell:
    tone: Tone = "muted" if _is_dead(kernel) else "plain"
    return Cell(NOTHING, "muted") if kernel.pid is None else Cell(str(kernel.pid), tone)


def _cpu(kernel: KernelSnapshot, _now: float) -> Cell:
    if kernel.usage is None:
        return Cell(NOTHING, "muted")
    text = formats.cpu(kernel.usage.cpu)
    return Cell(text, "muted" if text == "0" else "plain")


def _memory(kernel: KernelSnapshot, _now: float) -> Cell:
    if kernel.usage is None:
        return Cell(NOTHING, "muted")
    return Cell(formats.memory(kernel.usage.rss))


def _up(kernel: KernelSnapshot, now: float) -> Cell:
    if kernel.started_at is None or _is_dead(kernel):
        return Cell(NOTHING, "muted")
    return Cell(formats.duration(elapsed(kernel.started_at, now)), "muted")


def _idle(kernel: KernelSnapshot, now: float) -> Cell:
    if kernel.last_activity is None:
        return Cell(NOTHING, "muted")
    return Cell(formats.duration(elapsed(kernel.last_activity, now)), "muted")


def _runs(kernel: KernelSnapshot, _now: float) -> Cell:
    return Cell(NOTHING if kernel.executions is None else str(kernel.executions), "muted")


def _code(kernel: KernelSnapshot, _now: float) -> Cell:
    """Show why the kernel needs attention, else the code that runs, else another remark."""
    word, sentence = kernel.condition.word, kernel.condition.sentence
    if word in (Word.DIED, Word.ASKS):
        return Cell(sentence, MARKS[word].tone)
    if kernel.was_interrupted:
        return Cell(sentence, "trouble")
    if kernel.is_file:
        return Cell(sentence, "muted")
    if kernel.stands_at:
        return Cell(kernel.stands_at, MARKS[word].tone)
    if kernel.code:
        return Cell(kernel.code)
    if word is Word.IDLE and not kernel.condition.is_plain and not kernel.reason:
        return Cell(sentence, "muted")
    is_telling = word in NEEDING or word is Word.WAITING
    return Cell(kernel.reason or (sentence if is_telling else ""), "trouble")


def _load(kernel: KernelSnapshot, _now: float) -> Cell:
    if kernel.usage is None:
        return Cell(NOTHING, "muted")
    tone: Tone = "busy" if any(kernel.usage.recent) else "muted"
    return Cell(formats.sparkline(kernel.usage.recent), tone)


def _growth(kernel: KernelSnapshot, _now: float) -> Cell:
    """Show memory in the last minute, and how fast it grows if it grows steadily."""
    if kernel.usage is None or not kernel.usage.memory_history.minute:
        return Cell(NOTHING, "muted")
    bars = formats.relative_sparkline(kernel.usage.memory_history.minute)
    if not kernel.usage.growth:
        return Cell(bars, "muted")
    return Cell(f"{bars} +{formats.rate(kernel.usage.growth)}", "trouble")


def _ago(instant: float | None) -> float | None:
    """Return the sort key for an age: a later instant means a smaller age."""
    return None if instant is None else -instant


COLUMNS: tuple[Column, ...] = (
    Column(
        id="id",
        letter="i",
        title="ID",
        about="The beginning of the kernel's id",
        width=formats.SHORT_ID,
        priority=7,
        cell=lambda kernel, _now: Cell(formats.short_id(kernel.own_id), "muted"),
        sort_key=lambda kernel: kernel.kernel_id,
    ),
    Column(
        id="name",
        letter="n",
        title="NAME",
        about="What you call it; always shown",
        width=14,
        priority=0,
        cell=_name,
        sort_key=lambda kernel: kernel.name.casefold(),
        need=lambda kernel: cell_len(kernel.name),
        most=28,
        grows=True,
    ),
    Column(
        id=HOST,
        letter="h",
        title="HOST",
        about="Where it runs; shown if there are kernels of other machines",
        width=4,
        priority=1,
        cell=_host,
        sort_key=lambda kernel: kernel.engine.casefold(),
        need=lambda kernel: cell_len(kernel.host),
        most=15,
    ),
    Column(
        id="spec",
        letter="e",
        title="SPEC",
        about="The kernelspec",
        width=10,
        priority=8,
        cell=lambda kernel, _now: Cell(kernel.own_spec, "muted"),
        sort_key=lambda kernel: kernel.own_spec.casefold(),
    ),
    Column(
        id="pid",
        letter="p",
        title="PID",
        about="The process",
        width=7,
        priority=3,
        cell=_pid,
        sort_key=lambda kernel: kernel.pid,
        align="right",
    ),
    Column(
        id="state",
        letter="s",
        title="STATE",
        about="What it does and for how long, or what is done to it",
        width=6,
        priority=0,
        cell=state_cell,
        sort_key=_state_key,
        need=state_width,
        most=20,
    ),
    Column(
        id="origin",
        letter="g",
        title="ORIGIN",
        about="Who started it: kerneltui, a Jupyter server, an editor, a console",
        width=_ORIGIN,
        priority=5,
        cell=_origin,
        sort_key=lambda kernel: str(kernel.origin),
        need=lambda kernel: 0 if kernel.is_ours else _ORIGIN,
        most=_ORIGIN,
    ),
    Column(
        id="cpu",
        letter="c",
        title="CPU%",
        about="CPU time of all its processes, % of a core",
        width=4,
        priority=2,
        cell=_cpu,
        sort_key=lambda kernel: None if kernel.usage is None else kernel.usage.cpu,
        align="right",
        descends=True,
    ),
    Column(
        id="load",
        letter="l",
        title="LOAD",
        about="Recent CPU time, a bar for each second",
        width=_RECENT,
        priority=6,
        cell=_load,
        sort_key=lambda kernel: None if kernel.usage is None else sum(kernel.usage.recent),
        align="right",
        descends=True,
    ),
    Column(
        id="memory",
        letter="m",
        title="MEM",
        about="Memory of all its processes; shared memory counts once",
        width=5,
        priority=4,
        cell=_memory,
        sort_key=lambda kernel: None if kernel.usage is None else kernel.usage.rss,
        align="right",
        descends=True,
    ),
    Column(
        id="up",
        letter="u",
        title="UP",
        about="How long its process has lived",
        width=4,
        priority=9,
        cell=_up,
        sort_key=lambda kernel: _ago(None if _is_dead(kernel) else kernel.started_at),
        align="right",
        descends=True,
    ),
    Column(
        id="idle",
        letter="d",
        title="IDLE",
        about="How long it has been silent",
        width=4,
        priority=10,
        cell=_idle,
        sort_key=lambda kernel: _ago(kernel.last_activity),
        align="right",
        descends=True,
    ),
    Column(
        id="runs",
        letter="r",
        title="RUNS",
        about="Cells run since its process began",
        width=5,
        priority=11,
        cell=_runs,
        sort_key=lambda kernel: kernel.executions,
        align="right",
        descends=True,
    ),
    Column(
        id="clients",
        letter="t",
        title="CLIENTS",
        about="Front ends connected to its server; without one, others whose code it has run",
        width=7,
        priority=12,
        cell=lambda kernel, _now: Cell(str(kernel.clients), "muted"),
        sort_key=lambda kernel: kernel.clients,
        align="right",
        descends=True,
    ),
    Column(
        id="growth",
        letter="w",
        title="GROWTH",
        about="Memory in the last minute, and its slope if it grows steadily",
        width=18,
        priority=13,
        cell=_growth,
        sort_key=lambda kernel: None if kernel.usage is None else kernel.usage.growth,
        descends=True,
    ),
    Column(
        id="code",
        letter="o",
        title="CODE",
        about="The code that runs, what it asks, or why it died",
        width=16,
        priority=0,
        cell=_code,
        sort_key=lambda kernel: kernel.code or kernel.condition.sentence or None,
        grows=True,
    ),
)


def cells(columns: Iterable[Column], kernel: KernelSnapshot, now: float) -> tuple[Cell, ...]:
    """Return a kernel's line; of one that is not heard, what was known last, in grey."""
    then = kernel.unheard_since
    if then is None:
        return tuple([column.cell(kernel, now) for column in columns])
    return tuple(
        Cell(column.cell(kernel, now if column.id == STATE else then).text, "muted")
        for column in columns
    )


BY_ID = {column.id: column for column in COLUMNS}
CODE = "code"
STATE = "state"
NAME = "name"
"""The column that is never hidden, and stays visible however far the others are scrolled."""

ColumnIds = tuple[str, ...]
ALL: ColumnIds = tuple(BY_ID)


def known_columns(ids: Iterable[object]) -> ColumnIds:
    """Return the columns among `ids`, once each; the name comes first if it is missing."""
    known = tuple(dict.fromkeys(each for each in ids if isinstance(each, str) and each in BY_ID))
    return known if NAME in known else (NAME, *known)


def with_host(ids: ColumnIds) -> ColumnIds:
    """Return columns with the one for the host, which comes after the name."""
    if HOST in ids:
        return ids
    place = ids.index(NAME) + 1
    return (*ids[:place], HOST, *ids[place:])


def of_one_host(ids: ColumnIds) -> ColumnIds:
    """Return columns without the one that tells hosts apart."""
    return tuple(each for each in ids if each != HOST)
