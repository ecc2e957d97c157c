"""RefreshRate: when to look at the kernels again. Decides only.

Instants are of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass

STEPS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds, for the keys that change the rate
UNWATCHED = 2.0  # seconds at least, while the terminal does not have the focus


@dataclass(slots=True)
class RefreshRate:
    """How often the screen shows the kernels' current state."""

    interval: float
    """Seconds between two looks."""
    paused: bool = False
    watched: bool = True
    """The terminal has the focus, or does not report it."""
    _looked: float = float("-inf")

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to look; if so, the next interval begins now."""
        interval = self.interval if self.watched else max(self.interval, UNWATCHED)
        if self.paused or now - self._looked < interval:
            return False
        self._looked = now
        return True

    def hasten(self) -> None:
        self.interval = max((step for step in STEPS if step < self.interval), default=STEPS[0])

    def slow_down(self) -> None:
        self.interval = min((step for step in STEPS if step > self.interval), default=STEPS[-1])

    @property
    def shown(self) -> str:
        """The words for the status line; empty at the fastest rate."""
        if self.paused:
            return "paused"
        return f"every {self.interval:g} s" if self.interval > STEPS[0] else ""
