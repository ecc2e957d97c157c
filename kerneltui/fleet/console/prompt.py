"""Prompt: a cell of ours that waits for input."""

from __future__ import annotations

from dataclasses import field

from kerneltui.frozen import frozen


@frozen
class Prompt:
    """A cell of ours that waits for input."""

    kernel_id: str
    text: str
    password: bool
    parent_id: str
    asked_at: float = field(default=0.0, compare=False)
    """Instant of `time.monotonic()`."""
    session: str = field(default="", compare=False)
    """The client that the kernel asks."""
