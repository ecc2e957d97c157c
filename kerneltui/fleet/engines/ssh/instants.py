"""Instants of `time.monotonic()` of another host, as instants of the clock here. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage

SAMPLES = 15  # latest ones: a clock that stood still while its host slept is followed in a minute
TOLERANCE = 0.25  # seconds


class ClockDifference:
    """How far the clock here is ahead of that of another host.

    What is received has been under way for some time, so the least difference is nearest.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        """It changes only if it was wrong by more than TOLERANCE."""
        self._samples: deque[float] = deque(maxlen=SAMPLES)

    def restart(self) -> None:
        """Forget the samples: the other host may have started again."""
        self._samples.clear()

    def add(self, there: float, here: float) -> bool:
        """Take in that it was `there` when it was received `here`; tell whether it has changed."""
        self._samples.append(here - there)
        found = min(self._samples)
        if abs(found - self.seconds) <= TOLERANCE:
            return False
        self.seconds = found
        return True


def moved(kernel: KernelSnapshot, later: float) -> KernelSnapshot:
    """Return a snapshot with all its instants `later` seconds later."""
    return replace(
        kernel,
        pending_since=_moved(kernel.pending_since, later),
        started_at=_moved(kernel.started_at, later),
        last_activity=_moved(kernel.last_activity, later),
        condition=replace(kernel.condition, since=_moved(kernel.condition.since, later)),
        usage=_moved_usage(kernel.usage, later),
    )


def moved_prompt(prompt: Prompt, later: float) -> Prompt:
    return replace(prompt, asked_at=prompt.asked_at + later)


def _moved_usage(usage: Usage | None, later: float) -> Usage | None:
    if usage is None:
        return None
    return replace(
        usage,
        process_since=_moved(usage.process_since, later),
        process_seen_since=_moved(usage.process_seen_since, later),
        quiet_since=_moved(usage.quiet_since, later),
    )


def _moved(instant: float | None, later: float) -> float | None:
    return None if instant is None else instant + later
