"""The columns of the kernel table: a snapshot to cells, and which cells fit.

Rule: pure. `now` is an argument, an instant of `time.monotonic()`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from kerneltui.errors import describe_exit
from kerneltui.protocol.status import KernelState
from kerneltui.tui import formats

if TYPE_CHECKING:
    from kerneltui.fleet.snapshot import KernelSnapshot

Tone = Literal["plain", "muted", "strong", "busy", "idle", "moving", "dead", "trouble"]
"""What a cell means, for a style sheet to colour; its text tells the same without."""

TONES: tuple[Tone, ...] = ("plain", "muted", "strong", "busy", "idle", "moving", "dead", "trouble")

NOTHING = "-"


class Cell(NamedTuple):
    """What one column shows of one kernel."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its head, its place, and what it takes from a snapshot."""

    id: str
    title: str
    width: int
    """Cells; for the last column the least that is worth having."""
    priority: int
    """Columns of a higher number give way first when there is no room; 0 never does."""
    cell: Callable[[KernelSnapshot, float], Cell]
    sort_key: Callable[[KernelSnapshot], str | float]
    """A kernel without a value comes first."""
    align: formats.Align = "left"


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


def _state(kernel: KernelSnapshot, now: float) -> Cell:
    mark, tone = STATE_MARKS[kernel.state]
    if not kernel.pending:
        return Cell(f"{mark} {kernel.state}", tone)
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
    return Cell(formats.duration(now - kernel.started_at), "muted")


def _idle(kernel: KernelSnapshot, now: float) -> Cell:
    if kernel.last_activity is None:
        return Cell(NOTHING, "muted")
    return Cell(formats.duration(now - kernel.last_activity), "muted")


def _code(kernel: KernelSnapshot, _now: float) -> Cell:
    if _is_dead(kernel):
        return Cell(kernel.reason or describe_exit(kernel.returncode), "dead")
    return Cell(kernel.code) if kernel.code else Cell(kernel.reason, "trouble")


def _instant(value: float | None) -> float:
    return float("-inf") if value is None else value


COLUMNS: tuple[Column, ...] = (
    Column(
        id="id",
        title="ID",
        width=formats.SHORT_ID,
        priority=4,
        cell=lambda kernel, _now: Cell(formats.short_id(kernel.kernel_id), "muted"),
        sort_key=lambda kernel: kernel.kernel_id,
    ),
    Column(
        id="name",
        title="NAME",
        width=14,
        priority=0,
        cell=_name,
        sort_key=lambda kernel: kernel.name.casefold(),
    ),
    Column(
        id="spec",
        title="SPEC",
        width=10,
        priority=6,
        cell=lambda kernel, _now: Cell(kernel.kernel_name, "muted"),
        sort_key=lambda kernel: kernel.kernel_name.casefold(),
    ),
    Column(
        id="pid",
        title="PID",
        width=7,
        priority=2,
        cell=_pid,
        sort_key=lambda kernel: -1 if kernel.pid is None else kernel.pid,
        align="right",
    ),
    Column(
        id="state",
        title="STATE",
        width=16,
        priority=0,
        cell=_state,
        sort_key=lambda kernel: _URGENCY.index(kernel.state),
    ),
    Column(
        id="cpu",
        title="CPU%",
        width=4,
        priority=1,
        cell=_cpu,
        sort_key=lambda kernel: -1.0 if kernel.usage is None else kernel.usage.cpu,
        align="right",
    ),
    Column(
        id="memory",
        title="MEM",
        width=5,
        priority=3,
        cell=_memory,
        sort_key=lambda kernel: -1 if kernel.usage is None else kernel.usage.rss,
        align="right",
    ),
    Column(
        id="up",
        title="UP",
        width=4,
        priority=7,
        cell=_up,
        sort_key=lambda kernel: _instant(kernel.started_at),
        align="right",
    ),
    Column(
        id="idle",
        title="IDLE",
        width=4,
        priority=5,
        cell=_idle,
        sort_key=lambda kernel: _instant(kernel.last_activity),
        align="right",
    ),
    Column(
        id="runs",
        title="RUNS",
        width=5,
        priority=8,
        cell=lambda kernel, _now: Cell(str(kernel.executions), "muted"),
        sort_key=lambda kernel: kernel.executions,
        align="right",
    ),
    Column(
        id="code",
        title="CODE",
        width=14,
        priority=0,
        cell=_code,
        sort_key=lambda kernel: kernel.code,
    ),
)

GAP = 1  # cells between two columns


@functools.lru_cache(maxsize=8)
def columns_for(width: int) -> tuple[Column, ...]:
    """Return the columns that `width` cells can hold; the last one takes what is left."""
    chosen = list(COLUMNS)
    by_priority = sorted(COLUMNS, key=lambda column: column.priority)
    while _total(chosen) > width and by_priority[-1].priority > 0:
        chosen.remove(by_priority.pop())
    last = chosen[-1]
    return (*chosen[:-1], replace(last, width=max(0, last.width + width - _total(chosen))))


def _total(columns: list[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)
