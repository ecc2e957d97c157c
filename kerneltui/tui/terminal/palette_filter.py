"""NearestOf256: replaces true colours by the closest of a terminal's 256 colours.

Rich rounds red, green and blue separately, and turns bluish dark greys into navy.
"""

from __future__ import annotations

import functools
import itertools

from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as Background
from textual.filter import LineFilter

_LEVELS = (0, 95, 135, 175, 215, 255)
_CUBE = tuple(ColorTriplet(*levels) for levels in itertools.product(_LEVELS, repeat=3))
_GREYS = tuple(ColorTriplet(level, level, level) for level in range(8, 248, 10))
FIRST = 16  # the colours before it are the user's own
PALETTE = dict(enumerate(_CUBE + _GREYS, start=FIRST))
"""The colours that every such terminal has, by their numbers."""


class NearestOf256(LineFilter):
    """Replaces every true colour, for terminals that have only 256 colours."""

    def apply(self, segments: list[Segment], background: Background) -> list[Segment]:  # noqa: ARG002 -- Textual's
        return [
            Segment(segment.text, _in_palette(segment.style), segment.control)
            if segment.style
            else segment
            for segment in segments
        ]


@functools.lru_cache(maxsize=4096)
def _in_palette(style: Style) -> Style:
    return style + Style(color=_replaced(style.color), bgcolor=_replaced(style.bgcolor))


def _replaced(colour: Color | None) -> Color | None:
    if colour is None or colour.type is not ColorType.TRUECOLOR or colour.triplet is None:
        return colour
    return Color.from_ansi(nearest(colour.triplet))


@functools.lru_cache(maxsize=4096)
def nearest(wanted: ColorTriplet) -> int:
    """Return the number of the colour that looks most like `wanted`."""
    return min(PALETTE, key=lambda number: _distance(wanted, PALETTE[number]))


def _distance(one: ColorTriplet, other: ColorTriplet) -> float:
    """Return how different two colours look: green counts most, red more if there is much of it.

    Source: "redmean", compuphase.com/cmetric.htm
    """
    red_mean = (one.red + other.red) / 2
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    return (2 + red_mean / 256) * red**2 + 4 * green**2 + (2 + (255 - red_mean) / 256) * blue**2
