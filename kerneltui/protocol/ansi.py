"""SGR, the escape sequence for colours and styles, read as a change of style."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from kerneltui.frozen import frozen

Colour = int | tuple[int, int, int]
"""An index into the 256-colour palette, or red, green and blue; each 0 to 255."""


@frozen
class TextStyle:
    """How a stretch of text looks; a colour that is None is the terminal's own."""

    fg: Colour | None = None
    bg: Colour | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


PLAIN = TextStyle()

_SWITCHES: dict[int, dict[str, Any]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    9: {"strike": True},
    21: {"underline": True},  # doubly, says ECMA-48
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
    29: {"strike": False},
    39: {"fg": None},
    49: {"bg": None},
}
for _index in range(8):
    _SWITCHES[30 + _index] = {"fg": _index}
    _SWITCHES[40 + _index] = {"bg": _index}
    _SWITCHES[90 + _index] = {"fg": _index + 8}
    _SWITCHES[100 + _index] = {"bg": _index + 8}

# 58 is the colour of the underline. It is not shown, but its arguments must be skipped.
_EXTENDED = (38, 48, 58)
_ARGUMENTS = {5: 1, 2: 3}  # how many numbers follow 38;5 and 38;2


@lru_cache(maxsize=4096)
def apply_sgr(style: TextStyle, parameters: str) -> TextStyle:
    """Return `style` changed by "CSI `parameters` m"; what is not understood is skipped.

    Both ways to write a colour are read: 38;2;r;g;b and 38:2:[colour space]:r:g:b.
    Source: ECMA-48 8.3.117, ITU-T T.416 13.1.8.
    """
    if parameters.strip("0123456789;:"):
        return style  # a private sequence that only ends like SGR
    fields = iter(parameters.split(";"))
    for field in fields:
        code, *detail = (int(number or 0) for number in field.split(":"))
        if code == 0:
            style = PLAIN
        elif code in _EXTENDED:
            style = _paint(style, code, _colour(detail or _take_colour(fields)))
        elif code == 4 and detail == [0]:
            style = replace(style, underline=False)
        elif code in _SWITCHES:
            style = replace(style, **_SWITCHES[code])
    return style


def _paint(style: TextStyle, code: int, colour: Colour | None) -> TextStyle:
    if colour is None:
        return style
    if code == 38:
        return replace(style, fg=colour)
    return replace(style, bg=colour) if code == 48 else style


def _take_colour(fields: Iterator[str]) -> list[int]:
    """Take the arguments of an extended colour, written between semicolons, off `fields`."""
    numbers: list[int] = []
    for field in fields:
        numbers.append(int(field) if field.isdecimal() else 0)
        if len(numbers) > _ARGUMENTS.get(numbers[0], 0):
            break
    return numbers


def _colour(numbers: list[int]) -> Colour | None:
    """Return the colour that the numbers after 38 or 48 mean; None if they mean none."""
    if max(numbers, default=256) > 255:
        return None
    match numbers:
        case [5, index]:
            return index
        case [2, red, green, blue] | [2, _, red, green, blue, *_]:
            return (red, green, blue)
        case _:
            return None


_SGR = re.compile("(?:\x1b\\[|\x9b)[0-9;:]*m")
_BEGUN_SGR = re.compile("(?:\x1b(?:\\[[0-9;:]{0,256})?|\x9b[0-9;:]{0,256})\\Z")


class WithoutColours:
    """Removes colours, and nothing else, from a text that comes in pieces of any size."""

    def __init__(self) -> None:
        self._held = ""
        """The beginning of a sequence; its end has not come yet."""

    def feed(self, text: str) -> str:
        text = _SGR.sub("", self._held + text)
        begun = _BEGUN_SGR.search(text)
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        return text[:end]

    def end(self) -> str:
        """Return the text that was held back and did not become a sequence."""
        held, self._held = self._held, ""
        return held
