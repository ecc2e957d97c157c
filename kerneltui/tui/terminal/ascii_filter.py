"""AsciiOnly: turns all output into ASCII, for terminals and fonts that have nothing else."""

from __future__ import annotations

import functools
import unicodedata

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_OURS = {
    **dict(zip("◌○●◐◆■✗›‹»·…↑↓←→↔▲▼•↵", "~o*%&#x><>.~^v<>%^v*;", strict=True)),  # noqa: RUF001 -- our marks
    **dict(zip("▁▂▃▄▅▆▇█░▒▓▀", "_.-=+*%#.:#-", strict=True)),  # sparklines and bars
    **dict.fromkeys("─╌╍┄┅▔", "-"),
    **dict.fromkeys("━═", "="),  # heavier: around the focus
    **dict.fromkeys("│┃║▎▏▕▊▌▐", "|"),
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝┏┓┗┛", "+"),
}
"""Signs that we and Textual draw with, and their ASCII replacements."""


class AsciiOnly(LineFilter):
    """Replaces each character that is not ASCII by a similar one, of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 -- Textual's
        return [
            segment if segment.control or segment.text.isascii() else _plain(segment)
            for segment in segments
        ]


def _plain(segment: Segment) -> Segment:
    return Segment(to_ascii(segment.text), segment.style)


@functools.lru_cache(maxsize=4096)
def to_ascii(text: str) -> str:
    """Return `text` in ASCII, as wide as before."""
    return "".join(char if char.isascii() else _replaced(char) for char in text)


def _replaced(char: str) -> str:
    width = cell_len(char)
    if width != 1:
        return "?" * width
    base = unicodedata.normalize("NFKD", char)[0]  # an é without its accent
    return _OURS.get(char, base if base.isascii() and base.isprintable() else "?")
