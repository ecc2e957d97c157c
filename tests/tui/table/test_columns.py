"""A snapshot becomes cells, and kernels are sorted by what they show."""

from __future__ import annotations

import dataclasses

import pytest

from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.fleet.model.history import History
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.table.columns import COLUMNS, Column, ColumnIds, cells, known_columns
from kerneltui.tui.table.conditions import Cell, state_width
from kerneltui.tui.table.sort_line import ATTENTION
from tests.tui.fakes import NOW, snapshot

BUSY = snapshot(state=KernelState.BUSY, code="train()", usage=Usage(1.5, 3 << 30, 4))
FLAT = Usage(0.0, 60 << 20, 1, memory_history=History((None, None, *(6e7,) * 6)))
GROWING = dataclasses.replace(FLAT, growth=48 << 20)
DEAD = snapshot(state=KernelState.DEAD, returncode=-9, usage=None)
NEW = snapshot(
    state=KernelState.STARTING, identity=None, usage=None, started_at=None, last_activity=None
)


def told(kernel: KernelSnapshot, word: Word, sentence: str) -> KernelSnapshot:
    return dataclasses.replace(kernel, condition=Condition(word, NOW - 720, sentence))


def cell(column_id: str, kernel: KernelSnapshot, now: float = NOW) -> Cell:
    return next(column for column in COLUMNS if column.id == column_id).cell(kernel, now)


@pytest.mark.parametrize(
    ("column_id", "kernel", "expected"),
    [
        ("id", snapshot("5d0f3c0e-1234"), Cell("5d0f3c", "muted")),
        ("name", BUSY, Cell("name-k1", "strong")),
        ("name", DEAD, Cell("name-k1", "muted")),
        ("spec", BUSY, Cell("python3", "muted")),
        ("id", snapshot("gpu:5d0f3c0e", engine="gpu"), Cell("5d0f3c", "muted")),
        ("spec", snapshot(kernel_name="gpu:ir", engine="gpu"), Cell("ir", "muted")),
        ("host", snapshot(engine="gpu"), Cell("gpu")),
        ("host", BUSY, Cell("here", "muted")),
        ("pid", NEW, Cell("-", "muted")),
        ("cpu", BUSY, Cell("150")),
        ("cpu", DEAD, Cell("-", "muted")),
        ("load", snapshot(usage=Usage(0, 1, 1, (0.0, 0.3, 1.0, 2.5))), Cell("▁▄██", "busy")),
        ("load", snapshot(usage=Usage(0, 1, 1, (0.0, 0.0))), Cell("▁▁", "muted")),
        ("load", DEAD, Cell("-", "muted")),
        ("memory", BUSY, Cell("3.00G")),
        ("memory", DEAD, Cell("-", "muted")),
        ("up", BUSY, Cell("10m", "muted")),
        ("up", DEAD, Cell("-", "muted")),
        ("up", NEW, Cell("-", "muted")),
        ("idle", BUSY, Cell("30s", "muted")),
        ("idle", NEW, Cell("-", "muted")),
        ("runs", snapshot(executions=12), Cell("12", "muted")),
        ("runs", snapshot(executions=None), Cell("-", "muted")),
        ("clients", snapshot(clients=2), Cell("2", "muted")),
        ("growth", snapshot(), Cell("-", "muted")),
        ("growth", snapshot(usage=FLAT), Cell("  ██████", "muted")),
        ("growth", snapshot(usage=GROWING), Cell("  ██████ +48 MB/s", "trouble")),
        ("code", BUSY, Cell("train()")),
        ("code", DEAD, Cell("exited with SIGKILL (-9)", "dead")),
        ("code", told(DEAD, Word.DIED, "out of memory"), Cell("out of memory", "dead")),
        ("code", told(BUSY, Word.ASKS, "asks name?"), Cell("asks name?", "trouble")),
        ("code", told(BUSY, Word.NO_ANSWER, "holds it"), Cell("train()")),
        ("code", told(snapshot(), Word.NO_ANSWER, "holds it"), Cell("holds it", "trouble")),
        ("code", told(snapshot(), Word.IDLE, "runs nothing"), Cell("", "trouble")),
        (
            "code",
            told(snapshot(), Word.IDLE, "runs nothing; 5 zombies"),
            Cell("runs nothing; 5 zombies", "muted"),
        ),
        ("code", snapshot(reason="no reply"), Cell("no reply", "trouble")),
    ],
)
def test_a_cell_tells_its_fact(column_id: str, kernel: KernelSnapshot, expected: Cell) -> None:
    assert cell(column_id, kernel) == expected


@pytest.mark.parametrize("started", [NOW - 3600, NOW - 3577])
def test_idle_kernels_look_the_same_through_each_minute_of_the_clock(started: float) -> None:
    kernel = snapshot(started_at=started, last_activity=started + 3000)

    rows = {tuple(column.cell(kernel, 1020 + s) for column in COLUMNS) for s in range(60)}

    assert len(rows) == 1


def test_one_that_is_not_heard_is_grey_and_only_that_age_grows() -> None:
    kernel = dataclasses.replace(BUSY, unheard_since=NOW)

    line, later = (cells(COLUMNS, kernel, NOW + age) for age in (5, 3600))

    assert {cell.tone for cell in line} == {"muted"}
    assert Cell("? not heard 5s", "muted") in line
    assert set(line) ^ set(later) == {
        Cell("? not heard 5s", "muted"),
        Cell("? not heard 1h", "muted"),
    }


@pytest.mark.parametrize(
    ("ids", "known"),
    [
        (["cpu", "name"], ("cpu", "name")),
        (["cpu"], ("name", "cpu")),
        (["cpu", "cpu", "nonsense", 7, None, "name"], ("cpu", "name")),
        ([], ("name",)),
    ],
)
def test_a_choice_of_columns_is_known_ones_and_the_name(
    ids: list[object], known: ColumnIds
) -> None:
    assert known_columns(ids) == known


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.id)
def test_every_column_can_be_sorted(column: Column) -> None:
    keys = [column.sort_key(kernel) for kernel in (BUSY, DEAD, NEW)]

    assert sorted(key for key in keys if key is not None)


def test_what_a_state_needs_does_not_depend_on_its_age() -> None:
    ages = (Condition(Word.BUSY, NOW - age, "") for age in (0, 11, 720, 7200))

    assert {state_width(dataclasses.replace(BUSY, condition=each)) for each in ages} == {10}


def test_no_two_columns_have_the_same_letter() -> None:
    letters = [column.letter for column in COLUMNS]

    assert len({*letters, ATTENTION}) == len(letters) + 1
