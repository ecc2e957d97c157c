"""Counts and times in words, written the same way on every floor."""

from __future__ import annotations

import time

CPU_NOISE = 0.015  # CPU seconds per second: one clock tick (10 ms) in a sample says nothing


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 kernel" or "1,200 kernels". `plural`: needed if it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def more(count: int, what: str = "") -> str:
    """Return the text for `count` things that are left out. `what`: their name, in the plural."""
    return f"… {count:,} more {what}".rstrip()


def clock(instant: float | None = None) -> str:
    """Return the time of day here. `instant`: in seconds since the epoch; None for now."""
    return time.strftime("%H:%M:%S", time.localtime(instant))


def day_and_minute(instant: float) -> str:
    """Return day and time of day here. `instant`: in seconds since the epoch."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(instant))


def lasting(seconds: float) -> str:
    """Return a time in its largest unit, for a sentence: "40 s", "12 min", "3 h"."""
    whole = max(0, int(seconds))
    size, unit = next((each for each in _UNITS if whole >= each[0]), _UNITS[-1])
    return f"{whole // size} {unit}"


_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
