"""Turns cleaned lines of text into strips that Textual can paint."""

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
"""A part of a line, from a character up to another, and the style added to it."""


def paint(line: Line, base: Style, marks: Sequence[Mark] = ()) -> Strip:
    """Return `line` in the style `base`, with `marks` over it; a later mark lies on top."""
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
    """Return `text`, which begins at `place`, cut at the `ends` that are inside it."""
    cuts = [0, *(end - place for end in ends if 0 < end - place < len(text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


@functools.lru_cache(maxsize=1024)
def rich_style(style: TextStyle) -> Style:
    """Return `style` for Rich; what it does not set comes from the style below it."""
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
