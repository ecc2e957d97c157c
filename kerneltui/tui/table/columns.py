"""The columns of the kernel table: a snapshot to cells, and which cells fit.

Rule: pure. `now` is an argument, an instant of `time.monotonic()`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from kerneltui import formats
from kerneltui.errors import describe_exit
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

Tone = Literal["plain", "muted", "strong", "busy", "idle", "moving", "dead", "trouble"]
"""What a cell means, for a style sheet to colour; its text tells the same without."""

TONES: tuple[Tone, ...] = ("plain", "muted", "strong", "busy", "idle", "moving", "dead", "trouble")

MINUTE = 60.0  # seconds
NOTHING = "-"
_RECENT = 8  # samples that the fleet keeps


class Cell(NamedTuple):
    """What one column shows of one kernel."""

    text: str
    tone: Tone = "plain"


@frozen
class Column:
    """One column: its head, its place, and what it takes from a snapshot."""

    id: str
    title: str
    about: str
    """What it shows, for who chooses among columns."""
    width: int
    """Cells; for a column that grows the least that is worth having."""
    priority: int
    """Columns of a higher number give way first when there is no room; 0 never does."""
    cell: Callable[[KernelSnapshot, float], Cell]
    sort_key: Callable[[KernelSnapshot], str | float | None]
    """What sorts upwards; None for a kernel without a value."""
    align: formats.Align = "left"
    descends: bool = False
    """The greatest are looked for, so they come first unless asked otherwise."""
    grows: bool = False
    """It may take the room that is left."""


# -- states -----------------------------------------------------------------------------

STATE_MARKS: dict[KernelState, Cell] = {
    KernelState.UNKNOWN: Cell("?", "muted"),
    KernelState.STARTING: Cell("◌", "moving"),
    KernelState.IDLE: Cell("○", "idle"),
    KernelState.BUSY: Cell("●", "busy"),
    KernelState.RESTARTING: Cell("◌", "moving"),
    KernelState.TERMINATING: Cell("◌", "moving"),
    KernelState.DEAD: Cell("✗", "dead"),
}


LIVENESS_MARKS: dict[Liveness, Cell] = {
    Liveness.STALE: Cell("✗ stale", "muted"),
    Liveness.OTHER_HOST: Cell("? elsewhere", "muted"),
    Liveness.SILENT: Cell("? not answering", "trouble"),
}
"""Where no kernel says what it does."""

STOPPED_MARK = Cell("■ stopped", "trouble")
"""Whatever it did before: it does nothing now, and answers nobody."""


def _state(kernel: KernelSnapshot, now: float) -> Cell:
    mark, tone = STATE_MARKS[kernel.state]
    if not kernel.pending:
        if kernel.is_stopped:
            return STOPPED_MARK
        return LIVENESS_MARKS.get(kernel.liveness) or Cell(f"{mark} {kernel.state}", tone)
    waited = 0 if kernel.pending_since is None else int(now - kernel.pending_since)
    return Cell(f"{mark} {kernel.pending} {max(0, waited)} s", "moving")


# Those that want somebody first.
_URGENCY = (
    KernelState.DEAD,
    KernelState.TERMINATING,
    KernelState.RESTARTING,
    KernelState.STARTING,
    KernelState.BUSY,
    KernelState.UNKNOWN,
    KernelState.IDLE,
)


# -- the other cells --------------------------------------------------------------------


def _is_dead(kernel: KernelSnapshot) -> bool:
    return kernel.state is KernelState.DEAD


def _name(kernel: KernelSnapshot, _now: float) -> Cell:
    return Cell(kernel.name, "muted" if _is_dead(kernel) else "strong")


def _origin(kernel: KernelSnapshot, _now: float) -> Cell:
    is_ours = kernel.origin is Origin.KERNELTUI
    return Cell("ours" if is_ours else str(kernel.origin), "muted" if is_ours else "plain")


def _urgency(kernel: KernelSnapshot) -> int:
    """Return what sorts those first that want somebody, and mere files last."""
    if kernel.is_file:
        return len(_URGENCY)
    return -1 if kernel.is_stopped else _URGENCY.index(kernel.state)


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


def _elapsed(since: float, now: float) -> float:
    """Return the seconds since an instant, from a minute on in whole minutes.

    They turn for all kernels at once, so that a quiet table is painted once a minute.
    """
    exact = now - since
    return exact if exact < MINUTE else max(MINUTE, (now // MINUTE - since // MINUTE) * MINUTE)


def _up(kernel: KernelSnapshot, now: float) -> Cell:
    if kernel.started_at is None or _is_dead(kernel):
        return Cell(NOTHING, "muted")
    return Cell(formats.duration(_elapsed(kernel.started_at, now)), "muted")


def _idle(kernel: KernelSnapshot, now: float) -> Cell:
    if kernel.last_activity is None:
        return Cell(NOTHING, "muted")
    return Cell(formats.duration(_elapsed(kernel.last_activity, now)), "muted")


def _without_name(reason: str) -> str:
    """Return a reason without the kernel that it begins with: the row names it already."""
    return re.sub(r"^kernel \S+ \(\S+\) ", "", reason)


def _code(kernel: KernelSnapshot, _now: float) -> Cell:
    if _is_dead(kernel):
        tone: Tone = "muted" if kernel.is_file else "dead"
        return Cell(_without_name(kernel.reason) or describe_exit(kernel.returncode), tone)
    return Cell(kernel.code) if kernel.code else Cell(kernel.reason, "trouble")


def _load(kernel: KernelSnapshot, _now: float) -> Cell:
    if kernel.usage is None:
        return Cell(NOTHING, "muted")
    tone: Tone = "busy" if any(kernel.usage.recent) else "muted"
    return Cell(formats.sparkline(kernel.usage.recent), tone)


def _ago(instant: float | None) -> float | None:
    """Return what sorts ages as they are shown: the later, the younger."""
    return None if instant is None else -instant


COLUMNS: tuple[Column, ...] = (
    Column(
        id="id",
        title="ID",
        about="The beginning of the kernel's id",
        width=formats.SHORT_ID,
        priority=7,
        cell=lambda kernel, _now: Cell(formats.short_id(kernel.kernel_id), "muted"),
        sort_key=lambda kernel: kernel.kernel_id,
    ),
    Column(
        id="name",
        title="NAME",
        about="What you call it; always shown",
        width=14,
        priority=0,
        cell=_name,
        sort_key=lambda kernel: kernel.name.casefold(),
        grows=True,
    ),
    Column(
        id="spec",
        title="SPEC",
        about="The kernelspec",
        width=10,
        priority=8,
        cell=lambda kernel, _now: Cell(kernel.kernel_name, "muted"),
        sort_key=lambda kernel: kernel.kernel_name.casefold(),
    ),
    Column(
        id="pid",
        title="PID",
        about="The process",
        width=7,
        priority=2,
        cell=_pid,
        sort_key=lambda kernel: kernel.pid,
        align="right",
    ),
    Column(
        id="state",
        title="STATE",
        about="What it does, or what is done to it",
        width=16,
        priority=0,
        cell=_state,
        sort_key=_urgency,
    ),
    Column(
        id="origin",
        title="ORIGIN",
        about="Who started it: kerneltui, a Jupyter server, an editor, a console",
        width=8,
        priority=4,
        cell=_origin,
        sort_key=lambda kernel: str(kernel.origin),
    ),
    Column(
        id="cpu",
        title="CPU%",
        about="CPU time of all its processes, % of a core",
        width=4,
        priority=1,
        cell=_cpu,
        sort_key=lambda kernel: None if kernel.usage is None else kernel.usage.cpu,
        align="right",
        descends=True,
    ),
    Column(
        id="load",
        title="LOAD",
        about="CPU time of late, a bar a second",
        width=_RECENT,
        priority=6,
        cell=_load,
        sort_key=lambda kernel: None if kernel.usage is None else sum(kernel.usage.recent),
        align="right",
        descends=True,
    ),
    Column(
        id="memory",
        title="MEM",
        about="Memory of all its processes, shared once",
        width=5,
        priority=3,
        cell=_memory,
        sort_key=lambda kernel: None if kernel.usage is None else kernel.usage.rss,
        align="right",
        descends=True,
    ),
    Column(
        id="up",
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
        title="IDLE",
        about="How long it has been silent",
        width=4,
        priority=5,
        cell=_idle,
        sort_key=lambda kernel: _ago(kernel.last_activity),
        align="right",
        descends=True,
    ),
    Column(
        id="runs",
        title="RUNS",
        about="Cells run since its process began",
        width=5,
        priority=10,
        cell=lambda kernel, _now: Cell(str(kernel.executions), "muted"),
        sort_key=lambda kernel: kernel.executions,
        align="right",
        descends=True,
    ),
    Column(
        id="clients",
        title="CLIENTS",
        about="Front ends connected to its server; without one, others whose code it has run",
        width=7,
        priority=11,
        cell=lambda kernel, _now: Cell(str(kernel.clients), "muted"),
        sort_key=lambda kernel: kernel.clients,
        align="right",
        descends=True,
    ),
    Column(
        id="code",
        title="CODE",
        about="The code that runs, or why it died",
        width=13,
        priority=0,
        cell=_code,
        sort_key=lambda kernel: kernel.code or kernel.reason or None,
        grows=True,
    ),
)

BY_ID = {column.id: column for column in COLUMNS}
NAME = "name"
"""The column that is never hidden, and in sight however far the others are scrolled."""

ColumnIds = tuple[str, ...]
ALL: ColumnIds = tuple(BY_ID)

GAP = 1  # cells between two columns


def known_columns(ids: Iterable[object]) -> ColumnIds:
    """Return those of `ids` that are columns, once each, with the name before them if need be."""
    known = tuple(dict.fromkeys(each for each in ids if isinstance(each, str) and each in BY_ID))
    return known if NAME in known else (NAME, *known)


# -- which of them fit ------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def fitting(ids: ColumnIds, width: int, skipped: int = 0) -> tuple[Column, ...]:
    """Return those columns of `ids` that `width` cells can hold, one of them grown to fill it.

    Unscrolled, columns give way by priority. Where `skipped` are scrolled out of sight, the
    name stays and the others follow in their order.
    """
    if skipped:
        shown = [BY_ID[NAME], *[BY_ID[each] for each in ids if each != NAME][skipped:]]
        while len(shown) > 2 and _total(shown) > width:
            shown.pop()
    else:
        shown = [BY_ID[each] for each in ids]
        by_priority = sorted(shown, key=lambda column: column.priority)
        while _total(shown) > width and by_priority[-1].priority > 0:
            shown.remove(by_priority.pop())
    return _filled(shown, width)


def _filled(columns: list[Column], width: int) -> tuple[Column, ...]:
    """Let the last column that grows take what is left, or give what is wanting."""
    left = width - _total(columns)
    place = max(place for place, column in enumerate(columns) if column.grows)
    grown = replace(columns[place], width=max(0, columns[place].width + left))
    return (*columns[:place], grown, *columns[place + 1 :])


def most_skipped(ids: ColumnIds, width: int) -> int:
    """Return how many columns can be scrolled out of sight: none where all are in sight."""
    everything = [BY_ID[each] for each in ids]
    return 0 if _total(everything) <= width else max(0, len(ids) - 2)


def _total(columns: list[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)
