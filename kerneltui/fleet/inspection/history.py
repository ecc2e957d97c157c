"""HistoryRecorder: the bars of a minute and of an hour for one figure; SlopeMeter: its growth.

Rule: pure. Instants are arguments, of any one clock that does not go back.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from kerneltui.fleet.model.history import BARS, Bars, History

MINUTE_BAR, HOUR_BAR = 60 / BARS, 3600 / BARS  # seconds
SPANS = (6.0, 30.0, 60.0)
"""Seconds over which growth may be steady, the shortest first. Long ones are needed too: a tree of
several processes is measured seldom, and small growth shows late."""
_PARTS = 3  # parts of a span; the figure has to rise in each
_UNEVEN = 4.0  # the greatest of these rises may be so many times the least
_LEAST_RISE = 1 << 20  # bytes; allocators at rest cause smaller rises
_KEPT = 4 * len(SPANS) * BARS  # samples; more than there are in the longest span


class HistoryRecorder:
    """Bars begin at fixed instants, so that the bars of a quiet figure seldom change."""

    def __init__(self, digits: int) -> None:
        """`digits`: for `round`, which rounds the means."""
        self._minute, self._hour = _Bars(MINUTE_BAR, digits), _Bars(HOUR_BAR, digits)

    def add(self, now: float, value: float) -> History:
        """Take in a sample, and return the history with it."""
        return History(self._minute.add(now, value), self._hour.add(now, value))


class _Bars:
    def __init__(self, seconds: float, digits: int) -> None:
        self._seconds = seconds
        self._digits = digits
        self._over: Bars = (None,) * (BARS - 1)
        """The finished bars, before the one to which samples are added."""
        self._number: int | None = None
        self._total, self._count = 0.0, 0

    def add(self, now: float, value: float) -> Bars:
        number = int(now // self._seconds)
        if number != self._number:
            self._begin(number)
        self._total, self._count = self._total + value, self._count + 1
        return (*self._over, self._mean())

    def _begin(self, number: int) -> None:
        """Begin another bar; bars without a sample repeat the one before them."""
        if self._number is not None:
            passed = min(number - self._number, BARS)
            self._over = (*self._over, *(self._mean(),) * passed)[1 - BARS :]
        self._number, self._total, self._count = number, 0.0, 0

    def _mean(self) -> float:
        return round(self._total / self._count, self._digits)


class SlopeMeter:
    """Measures how fast the memory grows, once it grows steadily."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._sizes: list[float] = []
        self._risen_at: float | None = None

    def add(self, now: float, size: float) -> float:
        """Take in a sample, and return the bytes per second; 0 if growth is not steady."""
        if self._sizes and size > self._sizes[-1]:
            self._risen_at = now
        self._times, self._sizes = [*self._times[-_KEPT:], now], [*self._sizes[-_KEPT:], size]
        if self._risen_at is None or now - self._risen_at > SPANS[-1] / _PARTS:
            return 0.0
        return next(filter(None, map(self._slope_over, SPANS)), 0.0)

    def _slope_over(self, span: float) -> float:
        now = self._times[-1]
        if self._times[0] > now - span:
            return 0.0
        sizes = [self._size_at(now - span * part / _PARTS) for part in range(_PARTS, -1, -1)]
        rises = [later - earlier for earlier, later in pairwise(sizes)]
        is_steady = min(rises) >= _LEAST_RISE and max(rises) <= _UNEVEN * min(rises)
        return float(f"{sum(rises) / span:.2g}") if is_steady else 0.0

    def _size_at(self, instant: float) -> float:
        return self._sizes[bisect_right(self._times, instant) - 1]
