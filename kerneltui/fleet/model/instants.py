"""Instants of one clock, of which some may not be known. Pure."""

from __future__ import annotations


def latest(*instants: float | None) -> float | None:
    """Return the last of those that are known; None if none is."""
    return max((each for each in instants if each is not None), default=None)
