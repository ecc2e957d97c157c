"""Lines are cut to rows of a width, and rows keep their numbers."""

from __future__ import annotations

import pytest

from kerneltui.protocol.text import Line, Span
from kerneltui.tui.output.row_map import RowMap, row_count, row_ends


def line(text: str) -> Line:
    return (Span(text),) if text else ()


def row_map(width: int | None, *texts: str) -> RowMap:
    rows = RowMap(width)
    rows.replace(0, 0, [row_count(line(text), width) for text in texts])
    return rows


@pytest.mark.parametrize(
    ("text", "width", "ends"),
    [
        ("", 4, (0,)),
        ("abc", 4, (3,)),
        ("abcd", 4, (4,)),
        ("abcde", 4, (4, 5)),
        ("abcdefghi", 4, (4, 8, 9)),
        ("日本語", 4, (4, 6)),
        ("a日本語", 4, (3, 7)),
        ("日", 2, (2,)),
        ("e\u0301e\u0301e\u0301", 2, (2, 3)),
        ("\u200d", 2, (0,)),
        ("👩\u200d🚀ab", 3, (3, 4)),
    ],
)
def test_rows_end_within_the_width(text: str, width: int, ends: tuple[int, ...]) -> None:
    assert row_ends(line(text), width) == ends


def test_spans_do_not_end_rows() -> None:
    assert row_ends((Span("ab"), Span("cd"), Span("ef")), 5) == (5, 6)


@pytest.mark.parametrize(
    ("row", "place"), [(0, (0, 0)), (1, (1, 0)), (2, (1, 1)), (3, (1, 2)), (4, (2, 0)), (5, (3, 0))]
)
def test_a_row_is_found_in_its_line(row: int, place: tuple[int, int]) -> None:
    assert row_map(2, "a", "bbbbb", "", "c").locate(row) == place


def test_lines_without_a_width_have_one_row_each() -> None:
    assert row_map(None, "a", "b" * 99, "").bottom == 3


def test_dropped_lines_leave_the_others_where_they_were() -> None:
    rows = row_map(2, "aaaa", "bb", "cccc", "d")
    before = [rows.row(number) for number in (3, 4)]

    rows.begin_with(2, 1)

    assert [rows.row(number) for number in (3, 4)] == before
    assert (rows.first, rows.top, rows.end, rows.bottom) == (2, 4, 4, 6)


def test_all_lines_can_be_dropped() -> None:
    rows = row_map(2, "aaaa", "bb")

    rows.begin_with(7, 1)

    assert (rows.first, rows.end, rows.top, rows.bottom) == (7, 7, 3, 3)


@pytest.mark.parametrize(
    ("start", "end", "counts", "moved", "beginnings"),
    [
        (1, 2, [3], 2, [0, 1, 4, 5]),
        (1, 2, [], -1, [0, 1, 2]),
        (0, 0, [2], 2, [0, 2, 3, 4, 5]),
        (3, 3, [1, 1], 2, [0, 1, 2, 3, 4, 5]),
        (0, 3, [], -3, [0]),
        (1, 3, [1, 1], 0, [0, 1, 2, 3]),
    ],
)
def test_lines_are_replaced(
    start: int, end: int, counts: list[int], moved: int, beginnings: list[int]
) -> None:
    rows = row_map(None, "a", "b", "c")

    assert rows.replace(start, end, counts) == moved
    assert [rows.row(number) for number in range(rows.end + 1)] == beginnings
