"""LongBusy: finds kernels that are busy with one request for long: its idle may be missing."""

from __future__ import annotations

from collections.abc import Iterable

from kerneltui.kernels.management.manager import KernelManager

LONG = 10.0  # seconds; a shorter request is not worth a question


class LongBusy:
    """Remembers since when each kernel is busy with its present request. Used by one thread."""

    def __init__(self) -> None:
        self._since: dict[KernelManager, tuple[tuple[str, ...], float]] = {}
        """Its unfinished requests, and since when; `inf` if they were returned already."""

    def look(self, managers: Iterable[KernelManager], now: float) -> list[KernelManager]:
        """Return the kernels that are busy with one request for long; once for each request."""
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
