"""Period: since when a kernel has been in its present state. Pure."""

from __future__ import annotations

from dataclasses import replace

from kerneltui.frozen import frozen
from kerneltui.protocol.status import (
    QUESTIONS,
    Event,
    KernelState,
    KernelStatus,
    Reported,
    advance,
    begins_anew,
    tells_the_moment,
)


@frozen
class Period:
    """The time for which a kernel has been in its present state. Instants are of one clock.

    A question interrupts no rest: a kernel that has only completed a name is idle for as long as
    before.
    """

    since: float | None = None
    """When the state began; None if that was not seen."""
    seen_at: float | None = None
    """The same if it was seen; else the instant at which the state was first known."""
    rest: Period | None = None
    """The idle period that goes on if the kernel only answers questions now."""

    def after(self, before: KernelStatus, event: Event, at: float) -> Period:
        """Return the period once `event` has come at the instant `at` to a kernel in `before`."""
        is_question = isinstance(event, Reported) and event.parent_type in QUESTIONS
        if not begins_anew(before, event):
            return self if is_question or self.rest is None else replace(self, rest=None)
        if self.rest is not None and advance(before, event).state is KernelState.IDLE:
            return self.rest
        is_rest = is_question and before.state is KernelState.IDLE
        since = at if tells_the_moment(before, event) else None
        return Period(since, at, rest=self if is_rest else None)
