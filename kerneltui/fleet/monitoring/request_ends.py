"""RequestEnds: when our requests to one kernel are over, with all that they said. Pure.

A reply says how a request has ended, and comes before the last of its output may do. Its idle
comes after that output, as both come on iopub. A kernel that sends no idle has IDLE_GRACE, and an
ended process has nothing more to say.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kerneltui.bounded import Bounded
from kerneltui.fleet.transcript.batch import Received, is_earlier
from kerneltui.fleet.transcript.entries import RequestEnd
from kerneltui.protocol import fields
from kerneltui.protocol.message import Message, parent_id

IDLE_GRACE = 1.0  # seconds after a reply, and after what was sent before it, for the idle
MAX_IDLE = 1_000  # requests whose idle is remembered until their reply is heard
NEVER = math.inf


@dataclass(slots=True)
class _Waiting:
    """A request whose reply is in."""

    end: RequestEnd
    date: object
    """When its reply was sent, if that is a `datetime`."""
    due: float = NEVER
    """When it is over even without an idle."""


class RequestEnds:
    """Used by the monitor's thread, but for `tell`."""

    def __init__(self) -> None:
        self._told: deque[_Waiting] = deque()
        self._waiting: list[_Waiting] = []
        self._idle: Bounded[str, None] = Bounded(MAX_IDLE)

    def tell(self, end: RequestEnd, date: object) -> None:
        """Take note of a reply. `date`: when it was sent. In any thread."""
        self._told.append(_Waiting(end, date))

    @property
    def due(self) -> float:
        """When to look again, an instant of `time.monotonic()`."""
        return 0.0 if self._told else min((each.due for each in self._waiting), default=NEVER)

    def hear(self, received: Sequence[Received], now: float) -> None:
        """Take note of what has come on iopub, and is in the transcript."""
        idle = [parent_id(each) for _, each in received if _is_idle(each)]
        self._idle.update(dict.fromkeys(idle))
        latest = received[-1][1]["header"].get("date") if received else None
        for each in self._waiting:
            if is_earlier(latest, each.date):
                each.due = now + IDLE_GRACE

    def over(self, now: float, *, is_last: bool) -> list[RequestEnd]:
        """Return the requests that are over since the last call. `is_last`: no more will come."""
        while self._told:
            self._waiting.append(replace(self._told.popleft(), due=now + IDLE_GRACE))
        done = [each for each in self._waiting if is_last or self._is_done(each, now)]
        self._waiting = [each for each in self._waiting if each not in done]
        return [each.end for each in done]

    def _is_done(self, request: _Waiting, now: float) -> bool:
        return request.due <= now or request.end.msg_id in self._idle


def _is_idle(message: Message) -> bool:
    content = message["content"]
    return message["msg_type"] == "status" and fields.text(content, "execution_state") == "idle"
