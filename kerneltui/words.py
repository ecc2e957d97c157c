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
