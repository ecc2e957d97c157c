"""Kernels go in, rows come out; marks stay with kernels; a state read back is the same view."""

from __future__ import annotations

import contextlib

import pytest

from kerneltui.fleet.model.filters import FilterError
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.tui.table.columns import ALL, BY_ID
from kerneltui.tui.table.view import HISTORY, Order, TableView, natural_order
from tests.tui.fakes import NOW, snapshot

KERNELS = (
    snapshot("k1", name="b", usage=Usage(0.5, 1 << 30, 1), last_activity=NOW - 5),
    snapshot("k2", name="C", usage=None, last_activity=None),
    snapshot("k3", name="a", usage=Usage(1.5, 1 << 20, 1), last_activity=NOW - 900),
    snapshot("k4", name="b", usage=Usage(0.5, 2 << 30, 1), last_activity=NOW - 60),
)


def rows(view: TableView) -> str:
    return " ".join(kernel.kernel_id for kernel in view.rows(KERNELS, NOW))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order(), "k1 k2 k3 k4"),
        (Order("", descending=True), "k4 k3 k2 k1"),
        (Order("name"), "k3 k1 k4 k2"),
        (Order("name", descending=True), "k2 k1 k4 k3"),
        (Order("cpu"), "k1 k4 k3 k2"),
        (Order("cpu", descending=True), "k3 k1 k4 k2"),
        (Order("memory", descending=True), "k4 k1 k3 k2"),
        (Order("idle"), "k1 k4 k3 k2"),
        (Order("idle", descending=True), "k3 k4 k1 k2"),
    ],
)
def test_rows_are_in_order_and_those_without_a_value_last(order: Order, expected: str) -> None:
    view = TableView()
    view.order = order

    assert rows(view) == expected


def test_rows_pass_the_filter() -> None:
    view = TableView()
    view.filter_by("mem:>=1M")
    view.sort_by("cpu")

    assert rows(view) == "k3 k1 k4"


def test_a_kernel_that_grows_old_passes_in_its_time() -> None:
    view = TableView()
    view.filter_by("idle:>10m")

    assert [len(view.rows(KERNELS, NOW + later)) for later in (0, 545, 600)] == [1, 2, 3]


def test_the_same_kernels_are_the_same_rows() -> None:
    view = TableView()
    view.filter_by("name:b")

    assert view.rows(KERNELS, NOW) is view.rows(KERNELS, NOW + 1)


def test_a_bad_filter_keeps_the_last_good_one() -> None:
    view = TableView()
    view.filter_by("name:b")

    with pytest.raises(FilterError):
        view.filter_by("name:b mem:")

    assert rows(view) == "k1 k4"


def test_a_word_on_its_way_to_a_bad_one_is_no_good_filter() -> None:
    view = TableView()
    for end in range(len("name:b mem:") + 1):
        with contextlib.suppress(FilterError):
            view.filter_by("name:b mem:"[:end])

    assert view.filter.text == "name:b"


@pytest.mark.parametrize("column", ALL)
def test_a_column_is_sorted_its_own_way_first_and_then_inverted(column: str) -> None:
    view = TableView()
    view.sort_by(column)
    view.sort_by(column)

    assert view.order == Order(column, not BY_ID[column].descends)


def test_neighbours_are_those_of_the_columns_in_sight() -> None:
    view = TableView()
    passed = []
    for _ in range(4):
        view.sort_by_neighbour(1, ("name", "cpu"))
        passed.append(view.order)

    assert passed == [Order("name"), Order("cpu", descending=True), Order(), Order("name")]


def test_the_neighbour_of_a_hidden_column_is_an_end_of_those_in_sight() -> None:
    view = TableView()
    view.order = natural_order("memory")
    view.sort_by_neighbour(-1, ("name", "cpu"))

    assert view.order.column == "cpu"


def test_marks_survive_filter_and_order() -> None:
    view = TableView()
    view.mark(["k1", "k3"])
    view.filter_by("name:C")
    view.invert()
    rows(view)

    assert view.marks == {"k1", "k3"}


def test_a_second_toggle_takes_the_mark_away() -> None:
    view = TableView()
    view.toggle_mark("k1")
    view.toggle_mark("k2")
    view.toggle_mark("k1")

    assert view.marks == {"k2"}


@pytest.mark.parametrize(
    ("text", "marks", "notes"),
    [
        ("", [], ()),
        ("name:b", [], ("2 of 4: name:b",)),
        ("", ["k1", "k2"], ("2 marked",)),
        (" name:b ", ["k1", "k2"], ("2 of 4: name:b", "2 marked, 1 hidden")),
    ],
)
def test_notes_tell_how_many_are_shown_and_marked(
    text: str, marks: list[str], notes: tuple[str, ...]
) -> None:
    view = TableView()
    view.filter_by(text)
    view.mark(marks)

    told = view.notes(view.rows(KERNELS, NOW), len(KERNELS))
    assert told == ("urgent first", *notes)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (Order(), "urgent first"),
        (Order(descending=True), "urgent last"),
        (Order("memory", descending=True), "by MEM ▼"),
        (Order("name"), "by NAME ▲"),
    ],
)
def test_an_order_is_told_in_words(order: Order, words: str) -> None:
    assert order.words == words


def test_kept_filters_are_remembered_once_the_latest_last() -> None:
    view = TableView()
    for text in ("a", "b", "", "a"):
        view.filter_by(text)
        view.remember_filter()

    assert view.history == ("b", "a")


def test_the_history_has_an_end() -> None:
    view = TableView()
    for number in range(HISTORY + 5):
        view.filter_by(f"word{number}")
        view.remember_filter()

    assert len(view.history) == HISTORY


def test_a_view_read_back_is_the_same() -> None:
    view = TableView()
    view.columns = ("state", "name")
    view.sort_by("cpu")
    view.filter_by("state:busy")
    view.remember_filter()

    again = TableView.from_state(view.to_state())

    assert again.to_state() == view.to_state()


def test_a_hidden_host_stays_hidden() -> None:
    view = TableView()
    view.columns = ("name", "cpu")

    assert TableView.from_state(view.to_state()).columns == ("name", "cpu")


def test_a_state_from_before_there_was_a_host_gets_it_after_the_name() -> None:
    assert TableView.from_state({"columns": ["id", "name", "cpu"]}).columns == (
        "id",
        "name",
        "host",
        "cpu",
    )


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"columns": "cpu", "sort": 7, "descending": "yes", "filter": 3, "history": {}},
        {"sort": "nonsense", "descending": True, "filter": "nonsense:", "history": [1, None]},
    ],
)
def test_a_state_without_sense_is_the_first_view(state: dict[str, object]) -> None:
    assert TableView.from_state(state).to_state() == TableView().to_state()
