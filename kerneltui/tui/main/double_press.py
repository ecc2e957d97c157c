"""DoublePress: a second press of the same key acts, as a notebook's `i,i`. Decides only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import Target

ARMED_TIME = 1.5
"""Seconds within which the second press of `i` interrupts."""


@dataclass(slots=True)
class DoublePress:
    """The first press arms, a second one in time acts."""

    _target: Target | None = None
    _until: float = 0.0

    def press(self, target: Target, now: float) -> bool:
        """Tell whether this press acts; if it does not, it arms for `target`."""
        if self.armed(now) == target:
            self._target = None
            return True
        self._target, self._until = target, now + ARMED_TIME
        return False

    def armed(self, now: float) -> Target | None:
        """Return the kernel that one more press would interrupt."""
        return self._target if now < self._until else None
