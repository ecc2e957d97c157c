"""ShellProof: what replies on the main shell prove about a kernel, if its statuses do not tell.

The main shell takes one request at a time, so a reply proves that all earlier requests are over.
Some kernels do not send an idle status, or send statuses that do not name their request.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import UNHEARD, Answered, KernelState

IDLE_GRACE = 1.0  # seconds after a reply until its request counts as over without an idle
DOUBT_TIME = 1.0  # seconds of doubt until a kernel is asked what it does
NEVER = float("inf")


class _Proof(NamedTuple):
    """What a reply proves, after the time in which idle statuses may still come."""

    due: float
    spawns: int
    over: tuple[str, ...]


class ShellProof:
    """For one kernel. Used by one thread."""

    def __init__(
        self, manager: KernelManager, ask: Callable[[Future[dict[str, Any]]], None] | None
    ) -> None:
        """`ask`: sends a question to the main shell; None if that is not allowed."""
        self._manager = manager
        self._ask = ask
        self._before: dict[str, tuple[str, ...]] = {}
        """By msg_id of a request to the main shell: the unfinished requests when it was sent."""
        self._proofs: deque[_Proof] = deque()
        self._doubt_at = NEVER
        self._answer: Future[dict[str, Any]] | None = None

    @property
    def due(self) -> float:
        """When to take a turn, an instant of `time.monotonic()`."""
        return min(self._doubt_at, self._proofs[0].due if self._proofs else NEVER)

    def note_request(self, msg_id: str) -> None:
        """Take note of a request that was sent to the main shell."""
        self._before[msg_id] = self._manager.status.unfinished

    def note_reply(self, msg_id: str) -> None:
        """Take note of a reply; only one from the main shell proves anything."""
        before = self._before.pop(msg_id, None)
        if before is not None:
            due = time.monotonic() + IDLE_GRACE
            self._proofs.append(_Proof(due, self._manager.spawns, (msg_id, *before)))

    def doubt(self) -> None:
        """Have the kernel asked whether it is busy, if it still seems so after DOUBT_TIME."""
        is_asked = self._answer is not None and not self._answer.done()
        if self._ask is not None and not is_asked:
            self._doubt_at = min(self._doubt_at, time.monotonic() + DOUBT_TIME)

    def take_turn(self, now: float) -> None:
        """Do what is due."""
        while self._proofs and self._proofs[0].due <= now:
            self._tell(self._proofs.popleft())
        if self._doubt_at <= now:
            self._doubt_at = NEVER
            if self._ask is not None and self._manager.status.state is KernelState.BUSY:
                self._answer = Future()
                self._ask(self._answer)

    def _tell(self, proof: _Proof) -> None:
        if {*proof.over, UNHEARD}.intersection(self._manager.status.unfinished):
            self._manager.life.advance(Answered(proof.over), proof.spawns)

    def forget(self) -> None:
        """Drop all proofs: they are about a process that is gone."""
        self._before.clear()
        self._proofs.clear()
        self._doubt_at, self._answer = NEVER, None
