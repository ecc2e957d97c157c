"""Numbers as short texts, so that the cells of a quiet table seldom change."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size

from kerneltui.words import CPU_NOISE

SHORT_ID = 6  # characters

UNITS = "BKMGTP"  # powers of 1024

SPARKS = "▁▂▃▄▅▆▇█"
"""Bars of a sparkline from nothing to all."""
ASCENDING, DESCENDING = "▲", "▼"
MORE_LEFT, MORE_RIGHT, MORE_BOTH = "←", "→", "↔"
"""Signs for columns out of sight at the left or right; the keys that show them look the same."""
FOCUS_LEFT, FOCUS_RIGHT = "▌", "▐"
"""Marks in the heading of the focused widget: some terminals show no colours."""

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds

Align = Literal["left", "right"]


def short_id(kernel_id: str) -> str:
    """Return the first characters of an id: enough to tell the kernels of one screen apart."""
    return kernel_id[:SHORT_ID]


def cpu(load: float) -> str:
    """Return `load`, in CPU seconds per second, as a percentage of one core."""
    if load < CPU_NOISE:
        return "0"
    percent = load * 100
    return f"{percent:.1f}" if percent < 9.95 else f"{percent:.0f}"


def sparkline(values: Sequence[float | None], full: float = 1.0) -> str:
    """Return a bar for each of `values`, and a space for None; `full` or more fills the bar."""
    top = len(SPARKS) - 1
    return "".join(
        " " if value is None else SPARKS[min(top, math.ceil(value / full * top))]
        for value in values
    )


def relative_sparkline(values: Sequence[float | None]) -> str:
    """Return a bar for each of `values`; the greatest value fills its bar."""
    return sparkline(values, max((value for value in values if value), default=1.0))


def rate(size: float) -> str:
    """Return `size`, in bytes per second, with two digits: 4.8 MB/s, 48 MB/s, 480 MB/s."""
    value, power = size, 0
    while value >= 999.5 and power < len(UNITS) - 1:
        value, power = value / 1024, power + 1
    unit = "" if power == 0 else UNITS[power]
    return f"{value:.{1 if power and value < 9.95 else 0}f} {unit}B/s"


def memory(size: float) -> str:
    """Return `size`, in bytes, with three digits and a binary unit: 982K, 4.12M, 31.2G."""
    value, power = float(size), 0
    while value >= 999.5 and power < len(UNITS) - 1:
        value, power = value / 1024, power + 1
    digits = 0 if power == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}{UNITS[power]}"


def duration(seconds: float) -> str:
    """Return `seconds` in its largest unit; from 10 s to a minute in steps of ten seconds."""
    whole = max(0, int(seconds))
    if whole < 10:  # just begun: each second counts
        return f"{whole}s"
    if whole < MINUTE:
        return f"{whole // 10 * 10}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m"
    if whole < DAY:
        return f"{whole // HOUR}h"
    return f"{whole // DAY}d"


def clip(text: str, width: int) -> str:
    """Return `text` in at most `width` cells, with an ellipsis if it was cut."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def aligned(rows: Sequence[Sequence[str]], widest: int) -> list[str]:
    """Return rows as lines with aligned columns; the last column is not cut.

    `widest`: the most cells that any other column gets.
    """
    columns = list(zip(*rows, strict=True))[:-1]
    widths = [min(widest, max(map(cell_len, column))) for column in columns]
    return ["  ".join((*map(fit, row, widths), row[-1])) for row in rows]


@functools.lru_cache(maxsize=4096)  # a quiet table fits the same cells at every tick
def fit(text: str, width: int, align: Align = "left") -> str:
    """Return `text` in exactly `width` cells."""
    text = clip(text, width)
    padding = " " * (width - cell_len(text))
    return text + padding if align == "left" else padding + text
