"""History: one figure of a kernel over the last minute and the last hour."""

from __future__ import annotations

from kerneltui.frozen import frozen

BARS = 8

Bars = tuple[float | None, ...]
"""Means over equal times, the latest last; None for a time before the first sample."""


@frozen
class History:
    """Both are () if nothing was sampled."""

    minute: Bars = ()
    hour: Bars = ()
