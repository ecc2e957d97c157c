"""LongBusy: kernels that have been at one request for long. Its idle may have been forgotten."""

from __future__ import annotations

from collections.abc import Iterable

from kerneltui.kernels.management.manager import KernelManager

LONG = 10.0  # seconds; what takes less is not worth a question


class LongBusy:
    """Remembers since when each kernel has been at its present request. Used by one thread."""

    def __init__(self) -> None:
        self._since: dict[KernelManager, tuple[tuple[str, ...], float]] = {}
        """What it is at, and since when; `inf` for what was told already."""

    def look(self, managers: Iterable[KernelManager], now: float) -> list[KernelManager]:
        """Return the kernels that have been at one request for long, once for each request."""
        before, self._since = self._since, {}
        for manager in managers:
            unfinished = manager.status.unfinished
            if unfinished:
                known, since = before.get(manager, (unfinished, now))
                self._since[manager] = (unfinished, since if known == unfinished else now)
        long = [each for each, (_, since) in self._since.items() if now - since >= LONG]
        for manager in long:
            self._since[manager] = (self._since[manager][0], float("inf"))
        return long
