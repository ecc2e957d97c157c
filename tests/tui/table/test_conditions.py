"""What a kernel does is a mark, a word and an age; who needs somebody comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.fleet.diagnosis.death import Death, Sent
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.table.columns import COLUMNS
from kerneltui.tui.table.conditions import (
    MARKS,
    Cell,
    age_step,
    attention,
    state_cell,
    state_width,
)
from tests.tui.fakes import NOW, snapshot


def doing(word: Word, seconds: float | None = None, **changes: object) -> KernelSnapshot:
    since = None if seconds is None else NOW - seconds
    fields = {"condition": Condition(word, since), **changes}
    return replace(snapshot(str(word)), **fields)  # type: ignore[arg-type]


def found(word: Word, seconds: float) -> KernelSnapshot:
    """Return a kernel that did so already when it was first seen, so many seconds ago."""
    return doing(word, condition=Condition(word, NOW - seconds, is_older=True))


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (doing(Word.BUSY, 725), Cell("● busy 12m", "busy")),
        (doing(Word.WAITING, 45), Cell("◐ waiting 40s", "busy")),
        (doing(Word.IDLE), Cell("○ idle", "idle")),
        (doing(Word.NO_ANSWER, 7200), Cell("▲ no answer 2h", "trouble")),
        (doing(Word.DIED, 240), Cell("✗ died 4m", "dead")),
        (doing(Word.STALE), Cell("✗ stale", "muted")),
        (found(Word.BUSY, 725), Cell("● busy >12m", "busy")),
    ],
)
def test_a_state_is_a_mark_a_word_and_an_age(kernel: KernelSnapshot, expected: Cell) -> None:
    assert state_cell(kernel, NOW) == expected


def test_an_order_under_way_counts_its_seconds() -> None:
    kernel = snapshot(state=KernelState.BUSY, pending="stopping", pending_since=NOW - 3.7)

    assert state_cell(kernel, NOW) == Cell("◌ stopping 3 s", "moving")


@pytest.mark.parametrize("make", [doing, found])
@pytest.mark.parametrize("seconds", [0, 59, 60, 59 * 60, 3600])
def test_a_state_has_room_whatever_its_age_is(
    make: Callable[[Word, float], KernelSnapshot], seconds: float
) -> None:
    kernel = make(Word.BUSY, seconds)

    assert len(state_cell(kernel, NOW).text) <= state_width(kernel)


def test_every_word_has_a_mark() -> None:
    assert MARKS.keys() == set(Word)


def test_those_that_need_somebody_come_first() -> None:
    full = Usage(0.0, 7 << 30, 1, near_limit=True)
    in_order = [
        doing(Word.NO_ANSWER, 40),
        doing(Word.DIED, 240, death=Death(at=0.0, signum=9)),
        doing(Word.ASKS, 180),
        doing(Word.STOPPED, 120),
        doing(Word.DISK_WAIT, 9),
        doing(Word.IDLE, 9, usage=full),
        doing(Word.BUSY, 7200),
        doing(Word.WAITING, 720),
        doing(Word.IDLE, 10800),
        doing(Word.DIED, 60, death=Death(at=9.0, signum=9, sent=Sent(9, "X", at=8.0))),
        doing(Word.STALE),
    ]

    mixed = in_order[::-1]
    assert sorted(mixed, key=lambda each: attention(each, NOW)) == in_order


def test_what_is_well_stays_in_its_order_whatever_it_does() -> None:
    well = [doing(Word.IDLE, 9), doing(Word.BUSY, 5), doing(Word.STARTING, 1), doing(Word.UNKNOWN)]

    assert len({attention(each, NOW) for each in well}) == 1


@pytest.mark.parametrize(
    "kernel",
    [
        doing(Word.IDLE, 7200, started_at=NOW - 9000, last_activity=NOW - 7200),
        doing(Word.BUSY, 3, started_at=NOW - 9000, last_activity=NOW - 3),
        doing(Word.BUSY, 900, pending="stopping", pending_since=NOW - 90),
        doing(Word.STALE, started_at=None, last_activity=None),
    ],
)
def test_no_cell_changes_while_the_step_of_ages_is_the_same(kernel: KernelSnapshot) -> None:
    shown: dict[float, set[tuple[Cell, ...]]] = {}
    for seconds in range(300):
        now = NOW + seconds + 0.25
        cells = tuple(column.cell(kernel, now) for column in COLUMNS)
        shown.setdefault(age_step(kernel, now), set()).add(cells)

    assert {len(each) for each in shown.values()} == {1}


def test_the_ages_of_what_is_older_than_a_minute_step_once_a_minute() -> None:
    kernel = doing(Word.IDLE, 7200, started_at=NOW - 9000, last_activity=NOW - 7200)

    assert len({age_step(kernel, NOW + seconds) for seconds in range(600)}) in (10, 11)
