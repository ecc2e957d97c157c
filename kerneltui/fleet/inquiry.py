"""Inquiry: asks kernels on control whether they are there; of each that does not answer, once.

A question that was not answered waits in the kernel, and is answered when it can: to ask
again would only have it answer more often then.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from kerneltui.kernels.control import ControlRequest
from kerneltui.kernels.manager import KernelManager
from kerneltui.protocol.status import Engaged

PATIENCE = 0.2  # seconds for answers to questions that were just asked
SILENCE = 2.0  # seconds after which one that has not answered is said not to


class Inquiry:
    """Used by one thread, but for `is_silent`."""

    def __init__(self) -> None:
        self._asked: dict[KernelManager, tuple[int, float, ControlRequest]] = {}
        """By manager: the process meant, as `spawns` counts them, and when it was asked."""

    def look(self, unheard: Iterable[KernelManager]) -> None:
        """Ask those of `unheard` that are not asked yet, and take note of who answers."""
        there = set(unheard)
        for manager in self._asked.keys() - there:
            self._close(manager)
        fresh = {each for each in there if not self._is_asked(each)}
        for manager in fresh:
            self._ask(manager)
        deadline = time.monotonic() + (PATIENCE if fresh else 0.0)
        for manager, (spawns, _, request) in tuple(self._asked.items()):
            if request.reply(max(0.0, deadline - time.monotonic())) is not None:
                manager.life.advance(Engaged(), spawns)
                self._close(manager)

    def is_silent(self, manager: KernelManager, now: float) -> bool:
        """Tell whether a kernel has had the time to answer, and did not."""
        asked = self._asked.get(manager)
        return asked is not None and now - asked[1] > SILENCE

    def close(self) -> None:
        for manager in tuple(self._asked):
            self._close(manager)

    def _is_asked(self, manager: KernelManager) -> bool:
        asked = self._asked.get(manager)
        return asked is not None and asked[0] == manager.spawns

    def _ask(self, manager: KernelManager) -> None:
        self._close(manager)
        spawns = manager.spawns
        request = ControlRequest(
            manager.context, manager.connection_info, manager.session, "kernel_info_request", {}
        )
        self._asked[manager] = (spawns, time.monotonic(), request)

    def _close(self, manager: KernelManager) -> None:
        asked = self._asked.pop(manager, None)
        if asked is not None:
            asked[2].__exit__(None, None, None)
