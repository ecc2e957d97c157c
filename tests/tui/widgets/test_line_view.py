"""A line is painted again up to its last change, and no further."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from kerneltui.tui.widgets.line_view import dirty_width

RED = Style(color="red")


@pytest.mark.parametrize(
    ("before", "after", "cells"),
    [
        ([], [], 0),
        ([Segment("ab")], [Segment("ab")], 0),
        ([Segment("ab"), Segment("cd")], [Segment("ax"), Segment("cd")], 2),
        ([Segment("ab"), Segment("cd")], [Segment("ab"), Segment("cx")], 4),
        ([Segment("ab"), Segment("cd")], [Segment("ab", RED), Segment("cd")], 2),
        ([Segment("ab"), Segment("cd")], [Segment("a"), Segment("b"), Segment("cd")], 2),
        ([Segment("日本"), Segment("x")], [Segment("abcd"), Segment("x")], 4),
    ],
)
def test_a_line_is_painted_up_to_its_last_change(
    before: list[Segment], after: list[Segment], cells: int
) -> None:
    assert dirty_width(Strip(before), Strip(after)) == cells
