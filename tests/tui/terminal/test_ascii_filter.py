"""In ASCII mode nothing else is painted, and everything keeps its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from kerneltui.protocol.text import clean_line
from kerneltui.tui.output.output_view import MARKS
from kerneltui.tui.table import conditions
from kerneltui.tui.terminal.ascii_filter import AsciiOnly, to_ascii


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("● busy", "* busy"),
        ("│ ─ ━ ╭", "| - = +"),
        ("café", "cafe"),
        ("数 = 1", "?? = 1"),
        ("e\u0301", "e"),
        ("☃", "?"),
    ],
)
def test_a_text_in_ascii(text: str, expected: str) -> None:
    assert to_ascii(text) == expected


@given(st.text().map(clean_line))
def test_any_text_is_as_wide_as_before(text: str) -> None:
    replaced = to_ascii(text)

    assert replaced.isascii()
    assert len(replaced) == sum(map(cell_len, text))


def test_states_can_be_told_apart() -> None:
    marks = {to_ascii(mark.text) for mark in conditions.MARKS.values()}

    assert len(marks) == len({mark.text for mark in conditions.MARKS.values()})


def test_no_mark_of_the_output_is_a_question_by_accident() -> None:
    assert [mark for mark in MARKS.values() if mark != "?" and to_ascii(mark) == "?"] == []


def test_styles_stay() -> None:
    bold = Style(bold=True)

    painted = AsciiOnly().apply([Segment("a…", bold), Segment("b")], Color(0, 0, 0))

    assert painted == [Segment("a~", bold), Segment("b")]
