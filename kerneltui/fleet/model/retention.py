"""Limits: how much output of kernels is kept."""

from __future__ import annotations

from kerneltui.frozen import frozen


@frozen
class Limits:
    """How much is kept in memory."""

    lines: int = 20_000
    """For one kernel: an hour of reading; a pane can still search all of it at a key press."""
    bytes: int = 8_000_000
    """For one kernel: 20,000 lines of some 250 characters."""
    total_bytes: int = 64_000_000
    """For all kernels: what a dashboard on a shared host may use for past output."""


USUAL = Limits()
