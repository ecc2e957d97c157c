"""CloseLook: figures of one kernel's tree that would cost too much for all kernels."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import NamedTuple

import psutil

from kerneltui.fleet.inspection.counters import Counters, Rates, counters_of, rates
from kerneltui.fleet.inspection.memory import shares_of
from kerneltui.kernels.processes.identity import ProcessIdentity

PSS_INTERVAL = 10.0  # seconds between two looks at shared memory
PSS_SHARE = 0.01  # of a core that these may take: the OS looks at all pages


class Seen(NamedTuple):
    """What a tree uses; None if the OS does not tell."""

    pss: int | None = None
    read: float | None = None
    written: float | None = None
    """Bytes per second; None at the first look."""


class CloseLook:
    """For repeated looks at one tree; for another tree it starts from the beginning."""

    def __init__(self) -> None:
        self._kernel_id = ""
        self._counters: dict[ProcessIdentity, Counters] = {}
        self._pss: int | None = None
        self._pss_due = 0.0

    def look(
        self, kernel_id: str, tree: Collection[ProcessIdentity], now: float, elapsed: float
    ) -> Seen:
        """Return what a tree of living processes uses.

        `now`: an instant of any one clock; `elapsed`: seconds since the look before.
        """
        if kernel_id != self._kernel_id:
            self._kernel_id, self._counters, self._pss_due = kernel_id, {}, 0.0
        if now >= self._pss_due:
            begun = time.thread_time()
            self._pss = _total([shares.pss for each in tree if (shares := shares_of(each.pid))])
            cost = time.thread_time() - begun
            self._pss_due = now + max(PSS_INTERVAL, cost / PSS_SHARE)
        used = [each for each in (self._rates(one, elapsed) for one in tree) if each is not None]
        self._counters = {each: known for each, known in self._counters.items() if each in tree}
        return Seen(
            self._pss,
            _total([each.read for each in used if each.read is not None]),
            _total([each.written for each in used if each.written is not None]),
        )

    def _rates(self, identity: ProcessIdentity, elapsed: float) -> Rates | None:
        before = self._counters.get(identity)
        try:
            now = self._counters[identity] = counters_of(psutil.Process(identity.pid))
        except psutil.Error:  # it ended meanwhile
            return None
        return rates(before, now, elapsed)


def _total(known: Collection[float]) -> int | None:
    return round(sum(known)) if known else None
