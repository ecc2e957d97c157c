"""The columns that matter most are there in 80 cells, and all cells are used."""

from __future__ import annotations

import dataclasses

import pytest

from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.tui.table.columns import ALL, BY_ID, HOST, ColumnIds, of_one_host
from kerneltui.tui.table.fitting import GAP, fitting, most_skipped, needs_of
from tests.tui.fakes import NOW, snapshot

LOCAL = of_one_host(ALL)
_KINDS = {Origin.KERNELTUI: Kind.CHILD, Origin.SERVER: Kind.SERVER}


def doing(kernel: KernelSnapshot, word: Word) -> KernelSnapshot:
    return dataclasses.replace(kernel, condition=Condition(word, NOW - 720, ""))


@pytest.mark.parametrize(
    ("width", "ids"),
    [
        (30, "name state code"),
        (78, "name pid state origin cpu memory code"),
        (105, "id name pid state origin cpu load memory code"),
        (128, "id name spec pid state origin cpu load memory up idle runs code"),
        (140, "id name spec pid state origin cpu load memory up idle runs clients code"),
        (160, "id name spec pid state origin cpu load memory up idle runs clients growth code"),
    ],
)
def test_columns_give_way_by_priority(width: int, ids: str) -> None:
    assert " ".join(column.id for column in fitting(LOCAL, width)) == ids


@pytest.mark.parametrize(
    ("origins", "ids"),
    [
        ([Origin.KERNELTUI], "name pid state cpu memory code"),
        ([Origin.KERNELTUI, Origin.SERVER], "name pid state origin cpu memory code"),
    ],
)
def test_the_origin_gives_way_to_the_code_where_all_kernels_are_ours(
    origins: list[Origin], ids: str
) -> None:
    kernels = [snapshot(str(each), kind=_KINDS[each], origin=each) for each in origins]

    shown = fitting(LOCAL, 78, needs=needs_of(LOCAL, kernels))

    assert " ".join(column.id for column in shown) == ids


def test_the_host_matters_more_than_the_origin() -> None:
    kernels = [snapshot(engine="gpu-cluster", kind=Kind.EXTERNAL, origin=Origin.CONSOLE)]

    shown = fitting(ALL, 78, needs=needs_of(ALL, kernels))

    assert " ".join(column.id for column in shown) == "name host pid state cpu memory code"


def test_the_host_stays_where_a_row_says_at_length_that_it_is_not_heard() -> None:
    kernels = [snapshot(engine="localhost-18889", unheard_since=NOW - 20)]

    shown = fitting(ALL, 78, needs=needs_of(ALL, kernels))

    assert " ".join(column.id for column in shown) == "name host pid state cpu code"


def test_two_servers_of_one_host_are_told_apart_by_their_ports() -> None:
    kernels = [snapshot(engine=f"localhost-{port}") for port in (18888, 18889)]

    host = BY_ID[HOST]
    width = dict(needs_of(ALL, kernels))[HOST]

    assert [len(host.cell(each, NOW).text) <= width for each in kernels] == [True, True]


@pytest.mark.parametrize(
    ("skipped", "ids"),
    [
        (1, "name spec pid state origin cpu load memory up"),
        (5, "name cpu load memory up idle runs clients growth"),
        (12, "name growth code"),
    ],
)
def test_scrolled_columns_follow_the_name_in_their_order(skipped: int, ids: str) -> None:
    assert " ".join(column.id for column in fitting(LOCAL, 78, skipped)) == ids


@pytest.mark.parametrize(("width", "most"), [(78, 13), (135, 13), (136, 0), (300, 0)])
def test_columns_can_be_scrolled_only_where_some_are_out_of_sight(width: int, most: int) -> None:
    assert most_skipped(LOCAL, width) == most


@pytest.mark.parametrize("width", [50, 78, 79, 120, 300])
@pytest.mark.parametrize("skipped", [0, 1, 5, 10])
@pytest.mark.parametrize("ids", [ALL, ("name",), ("state", "name", "pid")])
def test_columns_fill_the_width(ids: ColumnIds, width: int, skipped: int) -> None:
    columns = fitting(ids, width, min(skipped, most_skipped(ids, width)))

    assert sum(column.width for column in columns) + GAP * (len(columns) - 1) == width


LONG_NAME = "a-name-of-twenty-chars" + "x" * 20


@pytest.mark.parametrize(
    ("width", "kernel", "name", "state"),
    [
        (78, snapshot(name="etl"), 14, 10),
        (78, doing(snapshot(name="etl"), Word.NO_ANSWER), 14, 15),
        (78, doing(snapshot(name=LONG_NAME), Word.BUSY), 28, 10),
        (60, doing(snapshot(name=LONG_NAME), Word.BUSY), 19, 10),
    ],
)
def test_state_and_name_are_as_wide_as_they_need_and_the_code_has_the_rest(
    width: int, kernel: KernelSnapshot, name: int, state: int
) -> None:
    ids = ("name", "pid", "state", "cpu", "code")

    widths = {each.id: each.width for each in fitting(ids, width, 0, needs_of(ids, [kernel]))}

    assert (widths["name"], widths["state"]) == (name, state)
    assert sum(widths.values()) + GAP * (len(widths) - 1) == width
