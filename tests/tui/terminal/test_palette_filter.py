"""True colours on terminals that have 256."""

from __future__ import annotations

import pytest
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from kerneltui.tui.terminal.palette_filter import PALETTE, NearestOf256, nearest


@pytest.mark.parametrize("number", [16, 17, 21, 102, 196, 231, 232, 244, 255])
def test_a_colour_of_the_palette_is_itself(number: int) -> None:
    assert PALETTE[nearest(PALETTE[number])] == PALETTE[number]


@pytest.mark.parametrize("dark", [(36, 47, 56), (30, 30, 30), (14, 39, 57), (18, 18, 18)])
def test_a_dark_grey_with_a_tinge_is_a_grey_and_not_navy(dark: tuple[int, int, int]) -> None:
    assert len({*PALETTE[nearest(ColorTriplet(*dark))]}) == 1


def test_a_style_keeps_all_but_its_true_colours() -> None:
    style = Style.parse("bold red on #242f38") + Style(meta={"offset": (1, 2)})

    (filtered,) = NearestOf256().apply([Segment("x", style)], Color(0, 0, 0))

    assert filtered.style == Style.parse("bold red on color(236)") + Style(meta={"offset": (1, 2)})
