"""RunningClient and Prompt: a client of ours whose code runs, and what that code asks."""

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


@frozen
class RunningClient:
    """A client of ours whose code has not finished."""

    session: str
    """Its identity: a kernel sends the code's prompts only to this session."""
    requests: tuple[str, ...]
    """The msg_ids of its requests to run code, oldest first."""
