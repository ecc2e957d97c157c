"""Checks the values in a manifest: a wrong one makes the whole file invalid.

Rule: they raise ValueError or TypeError if a value is of another type, or out of its bounds.
"""

from __future__ import annotations

from kerneltui.protocol.text import clean_line

LAST_INSTANT = 1e11  # seconds since the epoch: the year 5138


def number(value: object, allowed: range) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        raise ValueError
    return value


def instant(value: object) -> float:
    """Return seconds since the epoch, within the years of a calendar."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not 0 <= value < LAST_INSTANT:
        raise ValueError
    return float(value)


def text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def clean(value: object) -> str:
    """Return a text if it is clean, as `protocol.text` makes it: others were not written by us."""
    found = text(value)
    if clean_line(found) != found:
        raise ValueError
    return found


def texts(value: object) -> tuple[str, ...]:
    return tuple(map(text, items(value)))


def items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError
    return value


def fields(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError
    return value
