"""A snapshot becomes cells, and the cells that matter are there in 80 columns."""

from __future__ import annotations

import dataclasses

import pytest

from kerneltui.fleet.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.columns import COLUMNS, GAP, Cell, Column, columns_for
from tests.tui.fakes import NOW, snapshot

BUSY = snapshot(state=KernelState.BUSY, code="train()", usage=Usage(1.5, 3 << 30, 4))
DEAD = snapshot(state=KernelState.DEAD, returncode=-9, usage=None)
NEW = snapshot(
    state=KernelState.STARTING, identity=None, usage=None, started_at=None, last_activity=None
)


def cell(column_id: str, kernel: KernelSnapshot, now: float = NOW) -> Cell:
    return next(column for column in COLUMNS if column.id == column_id).cell(kernel, now)


@pytest.mark.parametrize(
    ("column_id", "kernel", "expected"),
    [
        ("id", snapshot("5d0f3c0e-1234"), Cell("5d0f3c", "muted")),
        ("name", BUSY, Cell("name-k1", "strong")),
        ("name", DEAD, Cell("name-k1", "muted")),
        ("spec", BUSY, Cell("python3", "muted")),
        ("pid", NEW, Cell("-", "muted")),
        ("cpu", BUSY, Cell("150")),
        ("cpu", DEAD, Cell("-", "muted")),
        ("memory", BUSY, Cell("3.00G")),
        ("memory", DEAD, Cell("-", "muted")),
        ("up", BUSY, Cell("10m", "muted")),
        ("up", DEAD, Cell("-", "muted")),
        ("up", NEW, Cell("-", "muted")),
        ("idle", BUSY, Cell("30s", "muted")),
        ("idle", NEW, Cell("-", "muted")),
        ("runs", snapshot(executions=12), Cell("12", "muted")),
        ("code", BUSY, Cell("train()")),
        ("code", DEAD, Cell("exited with SIGKILL (-9)", "dead")),
        ("code", dataclasses.replace(DEAD, reason="out of memory"), Cell("out of memory", "dead")),
        ("code", snapshot(reason="no reply"), Cell("no reply", "trouble")),
    ],
)
def test_a_cell_tells_its_fact(column_id: str, kernel: KernelSnapshot, expected: Cell) -> None:
    assert cell(column_id, kernel) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (KernelState.UNKNOWN, Cell("? unknown", "muted")),
        (KernelState.STARTING, Cell("◌ starting", "moving")),
        (KernelState.IDLE, Cell("○ idle", "idle")),
        (KernelState.BUSY, Cell("● busy", "busy")),
        (KernelState.RESTARTING, Cell("◌ restarting", "moving")),
        (KernelState.TERMINATING, Cell("◌ terminating", "moving")),
        (KernelState.DEAD, Cell("✗ dead", "dead")),
    ],
)
def test_a_state_is_a_mark_and_a_word(state: KernelState, expected: Cell) -> None:
    assert cell("state", snapshot(state=state)) == expected


def test_an_order_under_way_counts_its_seconds() -> None:
    kernel = snapshot(state=KernelState.BUSY, pending="stopping", pending_since=NOW - 3.7)

    assert cell("state", kernel) == Cell("● stopping 3 s", "moving")


def test_every_state_fits_its_column() -> None:
    width = next(column.width for column in COLUMNS if column.id == "state")

    assert all(len(cell("state", snapshot(state=state)).text) <= width for state in KernelState)


def test_an_idle_kernel_looks_the_same_for_a_minute() -> None:
    kernel = snapshot(started_at=NOW - 3600, last_activity=NOW - 600)

    rows = {tuple(column.cell(kernel, NOW + s) for column in COLUMNS) for s in range(60)}

    assert len(rows) == 1


@pytest.mark.parametrize(
    ("width", "ids"),
    [
        (30, "name state code"),
        (80, "id name pid state cpu memory idle code"),
        (95, "id name spec pid state cpu memory up idle code"),
        (120, "id name spec pid state cpu memory up idle runs code"),
    ],
)
def test_columns_give_way_by_priority(width: int, ids: str) -> None:
    assert " ".join(column.id for column in columns_for(width)) == ids


@pytest.mark.parametrize("width", [50, 78, 79, 120, 300])
def test_columns_fill_the_width(width: int) -> None:
    columns = columns_for(width)

    assert sum(column.width for column in columns) + GAP * (len(columns) - 1) == width


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.id)
def test_every_column_can_be_sorted(column: Column) -> None:
    kernels = [BUSY, DEAD, NEW]

    assert len(sorted(kernels, key=column.sort_key)) == len(kernels)


def test_dead_kernels_sort_before_busy_and_idle_ones() -> None:
    by_state = next(column for column in COLUMNS if column.id == "state")

    ordered = sorted([snapshot(), BUSY, DEAD], key=by_state.sort_key)

    assert [kernel.state for kernel in ordered] == ["dead", "busy", "idle"]
