"""Reunion: what is asked when another process may serve the kernel: which one, and what was lost?

Rule: a kernel answers each channel's requests in order, so once it answers a question of ours, it
will not answer an earlier request any more: the request or its reply was lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from kerneltui.kernels.gateway.routes import Routes
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import LOOKER
from kerneltui.protocol.raw_message import SIGNED_PARTS
from kerneltui.protocol.websocket_frames import WebsocketMessage
from kerneltui.protocol.wire import Session

FIRST_PAUSE = 0.1  # seconds until it is asked again; doubled each time, as it may be busy for hours
HEARING = 3.0  # seconds after an answer: some kernels publish nothing for a question


class Reunion:
    """The questions to a kernel after a gap or a restart, on each channel of requests.

    It is over once one is answered and what the kernel publishes for one is heard: a server is
    connected to the iopub of a new process later than to its other channels. It is asked on all
    of them: some kernels answer nothing on control, and a busy one answers on shell later.
    """

    def __init__(
        self,
        routes: Mapping[Channel, Routes],
        *,
        is_restart: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`routes`: of all that was sent before. `is_restart`: another process serves it now."""
        self.is_restart = is_restart
        self._unanswered = {channel: each.unanswered() for channel, each in routes.items()}
        self._in_order = {channel: each.in_order() for channel, each in routes.items()}
        self._clock = clock
        self._session = Session(username=LOOKER)
        self._asked: dict[str, Channel] = {}
        self._pause = FIRST_PAUSE
        self._ask_at = clock()
        self._hear_until: float | None = None
        """None before the first answer."""
        self._is_heard = False

    @property
    def is_over(self) -> bool:
        """Whether requests may be sent."""
        if self._hear_until is None:
            return False
        return self._is_heard or self._clock() >= self._hear_until

    @property
    def has_pending(self) -> bool:
        return any(map(self._lost, self._in_order))

    def questions(self) -> list[WebsocketMessage]:
        """Return what to send to the kernel; nothing if it was asked just now."""
        now = self._clock()
        if now < self._ask_at:
            return []
        self._ask_at, self._pause = now + self._pause, 2 * self._pause
        return [self._question(channel) for channel in self._in_order]

    def time_left(self) -> float:
        """Return after how many seconds it is time to look again, if nothing comes."""
        until = self._ask_at if self._hear_until is None else min(self._ask_at, self._hear_until)
        return max(0.0, until - self._clock())

    def _question(self, channel: Channel) -> WebsocketMessage:
        message = self._session.new_message("kernel_info_request")
        self._asked[message["msg_id"]] = channel
        parts = self._session.encode(message)[-SIGNED_PARTS:]
        return WebsocketMessage(channel, parts, [])

    def is_question(self, msg_id: str) -> bool:
        return msg_id in self._asked

    @property
    def listens(self) -> bool:
        """Whether what the kernel publishes for a question is news."""
        return bool(self._asked) and not self.is_over

    def note_heard(self) -> None:
        """Take note of what the kernel has published for a question."""
        self._is_heard = True

    def take_answer(self, msg_id: str) -> tuple[Channel, Sequence[str]]:
        """Take note of an answer; return its channel, and the earlier requests on it.

        Those of them that were not answered meanwhile will not be.
        """
        if self._hear_until is None:
            self._hear_until = self._clock() + HEARING
        channel = self._asked[msg_id]
        return channel, self._lost(channel)

    def _lost(self, channel: Channel) -> Sequence[str]:
        return (self._unanswered if self.is_restart else self._in_order)[channel]
