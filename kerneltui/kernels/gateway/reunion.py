"""Reunion: what is asked when the link is back: is it the same process, and what was lost?

Rule: a kernel answers each channel's requests in order, so once it answers a question of ours, it
will not answer an earlier request any more: the request or its reply was lost with the link.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import LOOKER
from kerneltui.protocol.raw_message import SIGNED_PARTS
from kerneltui.protocol.websocket_frames import WebsocketMessage
from kerneltui.protocol.wire import Session


class Answer(NamedTuple):
    """What an answer tells."""

    channel: Channel
    lost: Sequence[str]
    """The msg_ids of earlier requests on this channel, unless they have been answered."""


class Reunion:
    """The questions to a kernel after a gap, one on each channel of requests.

    Some kernels answer none on control, and a busy one answers on shell later.
    """

    def __init__(self, pending: Mapping[Channel, Sequence[str]]) -> None:
        """`pending`: the msg_ids that waited for replies, in the order of sending, by channel."""
        self._pending = pending
        self._session = Session(username=LOOKER)
        self._asked: dict[str, Channel] = {}
        self._is_known = asyncio.Event()

    @property
    def has_pending(self) -> bool:
        return any(self._pending.values())

    def questions(self) -> list[WebsocketMessage]:
        """Return what to send to the kernel; nothing if it was asked already."""
        if self._asked:
            return []
        channels = [
            each for each in self._pending if each is Channel.CONTROL or self._pending[each]
        ]
        return [self._question(channel) for channel in channels]

    def _question(self, channel: Channel) -> WebsocketMessage:
        message = self._session.new_message("kernel_info_request")
        self._asked[message["msg_id"]] = channel
        parts = self._session.encode(message)[-SIGNED_PARTS:]
        return WebsocketMessage(channel, parts, [])

    def is_answer(self, msg_id: str) -> bool:
        return msg_id in self._asked

    def take_answer(self, msg_id: str) -> Answer:
        """Take note of the answer to a question."""
        self._is_known.set()
        channel = self._asked[msg_id]
        return Answer(channel, self._pending[channel])

    async def wait(self) -> None:
        """Wait until the kernel has answered a question: then its process is known."""
        await self._is_known.wait()
