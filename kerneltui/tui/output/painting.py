"""From lines that have passed the gate to strips that can be painted."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from kerneltui.protocol.text import Colour, Line, TextStyle

Mark = tuple[int, int, Style]
"""A stretch of a line, from which character up to which, and how it is set off."""


def paint(line: Line, base: Style, marks: Sequence[Mark] = ()) -> Strip:
    """Return `line` over `base`, the stretches in `marks` set off; a later one lies on top."""
    if not marks:
        return Strip([Segment(span.text, base + rich_style(span.style)) for span in line])
    ends = sorted({end for *stretch, _ in marks for end in stretch})
    segments = []
    place = 0
    for text, style in line:
        for piece in _cut(text, place, ends):
            over = [mark for start, end, mark in marks if start <= place < end]
            segments.append(Segment(piece, sum(over, base + rich_style(style))))
            place += len(piece)
    return Strip(segments)


def _cut(text: str, place: int, ends: Sequence[int]) -> list[str]:
    """Return `text`, which stands at `place`, cut at those of `ends` that are in it."""
    cuts = [0, *(end - place for end in ends if 0 < end - place < len(text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


@functools.lru_cache(maxsize=1024)
def rich_style(style: TextStyle) -> Style:
    """Return `style` for painting; what it leaves open is left to what it lies on."""
    return Style(
        color=_colour(style.fg),
        bgcolor=_colour(style.bg),
        bold=style.bold or None,
        dim=style.dim or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
        strike=style.strike or None,
    )


def _colour(colour: Colour | None) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)
