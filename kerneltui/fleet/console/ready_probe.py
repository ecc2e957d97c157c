"""ReadyProbe: sends kernel_info_request to a new process until its status comes on iopub.

A process that is never asked never reports that it is idle. It may reply before the SUB socket is
connected; code that is run then would show neither status nor output.
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
    """For one kernel. Used by one thread."""

    def __init__(
        self, manager: KernelManager, ask: Callable[[Future[dict[str, Any]]], None]
    ) -> None:
        """`ask`: sends the kernel a kernel_info_request."""
        self._manager = manager
        self._ask = ask
        self._pauses: deque[float] = deque()
        """How long to wait for iopub after each of the next questions."""
        self.due = NEVER
        """When to take a turn, an instant of `time.monotonic()`."""
        self._is_open = False
        """It was begun, and has not found out yet whether the kernel is ready."""

    def begin(self) -> None:
        self._pauses = deque(PAUSES)
        self._is_open = True
        self.take_turn()

    def begin_again(self) -> None:
        """Begin again if questions were refused meanwhile. Raises what `ask` raises."""
        if self._is_open:
            self.begin()

    def take_turn(self) -> None:
        """Ask, unless a status has come on iopub. Raises what `ask` raises."""
        self.due = NEVER
        status = self._manager.status
        if status.heard and status.running != UNHEARD:
            self._is_open = False
            return
        if not self._pauses:  # a kernel that never tells its status
            self._is_open = False
            self._manager.life.advance(Answered(), self._manager.spawns)
            return
        reply: Future[dict[str, Any]] = Future()
        reply.add_done_callback(partial(self._note_reply, self._pauses.popleft()))
        self._ask(reply)

    def _note_reply(self, pause: float, reply: Future[dict[str, Any]]) -> None:
        if self._manager.status.launched or reply.exception() is not None:
            self.due = time.monotonic() + pause
        else:  # a kernel that was found has run for long, and is ready
            self._is_open = False
            self._manager.life.advance(Answered(), self._manager.spawns)

    def forget(self) -> None:
        """Stop asking: the process is gone."""
        self.due, self._is_open = NEVER, False
