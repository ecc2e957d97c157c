"""ReadyProbe: asks a new process who it is, until iopub has told that it was asked.

One that is never asked never says that it is idle. It may answer before iopub is connected,
and then code that is run at once would be neither seen nor heard.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import UNHEARD, Answered

PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds that iopub has to confirm each question
NEVER = math.inf


class ReadyProbe:
    """Of one kernel. Used by one thread."""

    def __init__(
        self, manager: KernelManager, ask: Callable[[Future[dict[str, Any]]], None]
    ) -> None:
        """`ask`: sends the kernel the question who it is."""
        self._manager = manager
        self._ask = ask
        self._pauses: deque[float] = deque()
        """How long to wait for iopub after the questions to come."""
        self.due = NEVER
        """When to take a turn, an instant of `time.monotonic()`."""

    def begin(self) -> None:
        self._pauses = deque(PAUSES)
        self.take_turn()

    def take_turn(self) -> None:
        """Ask, unless iopub has told of it. Raises what `ask` does."""
        self.due = NEVER
        status = self._manager.status
        if status.heard and status.running != UNHEARD:
            return
        if not self._pauses:  # a kernel that never tells its status
            self._manager.life.advance(Answered(), self._manager.spawns)
            return
        reply: Future[dict[str, Any]] = Future()
        reply.add_done_callback(partial(self._note_reply, self._pauses.popleft()))
        self._ask(reply)

    def _note_reply(self, pause: float, reply: Future[dict[str, Any]]) -> None:
        if self._manager.status.launched or reply.exception() is not None:
            self.due = time.monotonic() + pause
        else:  # a kernel that was found has long been ready to be heard
            self._manager.life.advance(Answered(), self._manager.spawns)

    def forget(self) -> None:
        """Ask no more: the process is gone."""
        self.due = NEVER
