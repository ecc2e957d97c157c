"""ControlPoll: asks kernels on control; of each that does not answer, once.

A question that was not answered waits in the kernel, and is answered when it can: to ask
again would only have it answer more often then.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from typing import NamedTuple

import zmq

from kerneltui.errors import KernelError
from kerneltui.kernels.client.control import ControlRequest
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.message import Message

PATIENCE = 0.2  # seconds for answers to questions that were just asked
SILENCE = 2.0  # seconds after which one that has not answered is said not to


class Answer(NamedTuple):
    """What a kernel has replied, and which of its processes, as `spawns` counts them."""

    manager: KernelManager
    spawns: int
    reply: Message


class ControlPoll:
    """One question for many kernels. Used by one thread, but for `is_silent`."""

    def __init__(self, msg_type: str) -> None:
        self._msg_type = msg_type
        self._asked: dict[KernelManager, tuple[int, float, ControlRequest]] = {}
        """By manager: the process meant, as `spawns` counts them, and when it was asked."""

    def look(self, wanted: Iterable[KernelManager]) -> list[Answer]:
        """Ask those of `wanted` that are not asked yet; return what has been answered since."""
        there = set(wanted)
        for manager in self._asked.keys() - there:
            self._close(manager)
        fresh = {each for each in there if not self._is_asked(each)}
        for manager in fresh:
            with contextlib.suppress(KernelError, zmq.ZMQError):  # it cannot be asked at all
                self._ask(manager)
        deadline = time.monotonic() + (PATIENCE if fresh else 0.0)
        answers = []
        for manager, (spawns, _, request) in tuple(self._asked.items()):
            reply = request.reply(max(0.0, deadline - time.monotonic()))
            if reply is not None:
                answers.append(Answer(manager, spawns, reply))
                self._close(manager)
        return answers

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
            manager.context, manager.connection_info, manager.session, self._msg_type, {}
        )
        self._asked[manager] = (spawns, time.monotonic(), request)

    def _close(self, manager: KernelManager) -> None:
        asked = self._asked.pop(manager, None)
        if asked is not None:
            asked[2].__exit__(None, None, None)
