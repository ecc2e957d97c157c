"""ControlAnswers: whether kernels reply on control, which works while a cell runs."""

from __future__ import annotations

import time
from collections.abc import Iterable

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.diagnosis.input_look import has_subshells
from kerneltui.fleet.discovery.control_poll import ControlPoll, Spawn, spawns_of
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.registry.tracked_kernel import ControlFacts
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.message import Message
from kerneltui.protocol.status import KernelState

ASK_INTERVAL = 5.0  # seconds until a kernel that has replied is asked again
NEVER = float("-inf")
SETTLED = 1.0  # seconds in the same state after which a kernel is worth a question
AT_WORK = 0.2  # of a core, in two samples: more than housekeeping, but low for a loaded host

_TELLING = (ProcessState.STOPPED, ProcessState.ZOMBIE)
"""States that explain why a kernel does not reply."""


class ControlAnswers:
    """Asks each kernel one question at a time. Used by one thread, except `of`."""

    def __init__(self) -> None:
        self._poll = ControlPoll[Spawn]("kernel_info_request")
        self._answered: dict[Spawn, float] = {}
        """When each process replied last."""
        self._with_subshells: frozenset[Spawn] = frozenset()

    def look(self, wanted: Iterable[KernelManager]) -> dict[Spawn, Message]:
        """Ask those of `wanted` that are due, forget all others; return the new replies."""
        now, spawns = time.monotonic(), set(spawns_of(wanted).values())
        self._answered = {each: at for each, at in self._answered.items() if each in spawns}
        due = (each for each in spawns if now - self._answered.get(each, NEVER) >= ASK_INTERVAL)
        replies = self._poll.look({each: each for each in due})
        self._answered |= dict.fromkeys(replies, now)
        fresh = (each for each, reply in replies.items() if has_subshells(reply))
        self._with_subshells = self._with_subshells.union(fresh) & self._answered.keys()
        return replies

    def of(self, manager: KernelManager) -> ControlFacts:
        """Return what is known about a kernel. In any thread."""
        spawn = Spawn(manager, manager.spawns)
        has_answered = True if spawn in self._answered else None
        return ControlFacts(self._poll.asked_at(spawn), has_answered, spawn in self._with_subshells)

    def close(self) -> None:
        self._poll.close()


def is_worth_asking(
    state: KernelState,
    state_since: float | None,
    usage: Usage | None,
    sent_at: float | None,
    now: float,
    *,
    is_open: bool,
) -> bool:
    """Tell whether only a reply on control can tell what a kernel does.

    Code that blocks the interpreter keeps back even the busy status: the last status is idle then.
    `sent_at`: when our oldest unfinished code was sent. `is_open`: a question to it has no reply
    yet.
    """
    if usage is not None and usage.process in _TELLING:
        return False
    if is_open:
        return True
    if state is KernelState.BUSY:
        return state_since is None or now - state_since >= SETTLED
    is_unbegun = sent_at is not None and now - sent_at >= SETTLED
    return state is KernelState.IDLE and (is_unbegun or _is_at_work(usage))


def _is_at_work(usage: Usage | None) -> bool:
    return usage is not None and min(usage.recent[-2:], default=0.0) >= AT_WORK
