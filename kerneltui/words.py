"""How many, and when: words that every floor writes alike."""

from __future__ import annotations

import time

CPU_NOISE = 0.015  # CPU seconds per second: one clock tick (10 ms) in a sample says nothing


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 kernel" or "1,200 kernels". `plural`: of a noun that takes more than an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def more(count: int, what: str = "") -> str:
    """Return what stands where `count` things are left out. `what`: their name, in the plural."""
    return f"… {count:,} more {what}".rstrip()


def clock(instant: float | None = None) -> str:
    """Return the time of day here. `instant`: in seconds since the epoch; None for now."""
    return time.strftime("%H:%M:%S", time.localtime(instant))


def day_and_minute(instant: float) -> str:
    """Return day and time of day here. `instant`: in seconds since the epoch."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(instant))
