"""How a kernel's condition is shown: mark, tone and age, and the most urgent first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from kerneltui import formats
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.model.engine_names import UNHEARD

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.condition import Condition
    from kerneltui.fleet.model.snapshot import KernelSnapshot

Tone = Literal["plain", "muted", "strong", "busy", "idle", "moving", "dead", "trouble"]
"""What a cell means, for the style sheet's colours; its text says the same without them."""

TONES: tuple[Tone, ...] = ("plain", "muted", "strong", "busy", "idle", "moving", "dead", "trouble")

MINUTE = 60.0  # seconds
BUSY_LONG = 10 * MINUTE
AGE = 4  # cells of a blank and an age, without the > before a least age


class Cell(NamedTuple):
    """What one column shows of one kernel."""

    text: str
    tone: Tone = "plain"


MARKS: dict[Word, Cell] = {
    Word.NO_ANSWER: Cell("▲", "trouble"),
    Word.DIED: Cell("✗", "dead"),
    Word.ASKS: Cell("»", "trouble"),
    Word.STOPPED: Cell("■", "trouble"),
    Word.DISK_WAIT: Cell("◆", "trouble"),
    Word.BUSY: Cell("●", "busy"),
    Word.WAITING: Cell("◐", "busy"),
    Word.STARTING: Cell("◌", "moving"),
    Word.UNKNOWN: Cell("?", "muted"),
    Word.IDLE: Cell("○", "idle"),
    Word.ELSEWHERE: Cell("?", "muted"),
    Word.STALE: Cell("✗", "muted"),
}

NEEDING = (Word.NO_ANSWER, Word.DIED, Word.ASKS, Word.STOPPED, Word.DISK_WAIT)
"""The conditions that need attention, the most urgent first."""
_FULL = len(NEEDING)
_LONG, _REST, _ENDED, _FILE = range(_FULL + 1, _FULL + 5)
"""The ranks below: memory near its limit, long busy, all well, ended as ordered, files."""


def state_cell(kernel: KernelSnapshot, now: float) -> Cell:
    """Return what a kernel does and for how long, its pending order, or that nothing is heard."""
    if kernel.unheard_since is not None:
        age = formats.duration(elapsed(kernel.unheard_since, now))
        return Cell(f"? {UNHEARD} {age}", "muted")
    if kernel.pending:
        waited = 0 if kernel.pending_since is None else int(now - kernel.pending_since)
        return Cell(f"◌ {kernel.pending} {max(0, waited)} s", "moving")
    mark, tone = MARKS[kernel.condition.word]
    return Cell(f"{mark} {word_and_age(kernel.condition, now)}", tone)


def word_and_age(condition: Condition, now: float) -> str:
    """Return what a kernel does and for how long: "busy 12m", "busy >12m" if it was found so."""
    if condition.since is None:
        return str(condition.word)
    at_least = ">" if condition.is_older else ""
    return f"{condition.word} {at_least}{formats.duration(elapsed(condition.since, now))}"


def state_width(kernel: KernelSnapshot) -> int:
    """Return the cells that a kernel's state needs, whatever its age is."""
    if not kernel.is_heard:
        return len("? ") + len(UNHEARD) + AGE
    word = kernel.pending or str(kernel.condition.word)
    has_age = kernel.pending or kernel.condition.since is not None
    has_mark = kernel.pending or kernel.condition.is_older
    return len("● ") + len(word) + (AGE + bool(has_mark) if has_age else 0)


def elapsed(since: float, now: float) -> float:
    """Return the seconds since an instant, from a minute on in whole minutes.

    Minutes change for all kernels at once, so that a quiet table is painted once a minute.
    """
    exact = now - since
    return exact if exact < MINUTE else max(MINUTE, (now // MINUTE - since // MINUTE) * MINUTE)


def age_step(kernel: KernelSnapshot, now: float) -> float:
    """Return a value that stays the same while a kernel's ages are shown in the same words."""
    instants = (
        kernel.started_at,
        kernel.last_activity,
        kernel.condition.since,
        kernel.pending_since,
        kernel.unheard_since,
    )
    youngest = max((each for each in instants if each is not None), default=0.0)
    return now if kernel.pending or now - youngest < MINUTE else now // MINUTE


def attention(kernel: KernelSnapshot, now: float) -> tuple[int, float]:
    """Return the sort key that puts kernels that need attention first, and mere files last.

    Of kernels that are busy for long, the longest comes first; all others keep their order.
    """
    rank = _rank(kernel, now)
    since = kernel.condition.since
    return rank, since if rank == _LONG and since is not None else 0.0


def _rank(kernel: KernelSnapshot, now: float) -> int:
    condition = kernel.condition
    if condition.word in (Word.STALE, Word.ELSEWHERE):
        return _FILE
    if kernel.death is not None and kernel.death.is_ours:
        return _ENDED
    if condition.word in NEEDING:
        return NEEDING.index(condition.word)
    if kernel.usage is not None and kernel.usage.near_limit:
        return _FULL
    is_at_work = condition.word in (Word.BUSY, Word.WAITING)
    is_long = condition.since is not None and now - condition.since >= BUSY_LONG
    return _LONG if is_at_work and is_long else _REST
