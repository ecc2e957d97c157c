"""Wanted: which part of a kernel's output the user wants."""

from __future__ import annotations

from kerneltui.frozen import frozen


@frozen
class Wanted:
    """Which part of the output to print."""

    tail: int | None = None
    """Only so many of the existing lines; None for all."""
    since: float = 0.0
    """Only output from this instant on, in seconds since the epoch."""
    follow: bool = False
    """Go on until the kernel has ended."""
