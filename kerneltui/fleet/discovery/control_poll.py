"""ControlPoll: sends one request to many kernels, and takes in their replies to one deadline.

A kernel that has not replied is not asked again. The first request waits in its queue until the
kernel is free; a second one would only cause a second reply.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import zmq

from kerneltui.errors import KernelError
from kerneltui.kernels.client.control import ControlRequest
from kerneltui.kernels.connection.attributes import Endpoint
from kerneltui.kernels.connection.sockets import default_context
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Message

if TYPE_CHECKING:
    from kerneltui.kernels.management.manager import KernelManager

PATIENCE = 0.2  # seconds for replies to questions that were just asked

Key = TypeVar("Key", bound=Hashable)


class Recipient(Protocol):
    """One process of a kernel. The next process of the same kernel compares unequal."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to ask it. Raises KernelError if it cannot be asked."""


class Spawn(NamedTuple):
    """The process that a manager's kernel has now, as `spawns` counts them."""

    manager: KernelManager
    number: int

    @property
    def endpoint(self) -> Endpoint:
        return self.manager.endpoint


def spawns_of(managers: Iterable[KernelManager]) -> dict[KernelManager, Spawn]:
    """Return the present process of each kernel, as a recipient of questions."""
    return {each: Spawn(each, each.spawns) for each in managers}


class _Question(NamedTuple):
    recipient: Recipient
    asked_at: float
    request: ControlRequest


class ControlPoll(Generic[Key]):
    """One question for many kernels, by key. Used by one thread, except `asked_at`."""

    def __init__(self, msg_type: str, channel: Channel = Channel.CONTROL) -> None:
        self._msg_type = msg_type
        self._channel = channel
        self._open: dict[Key, _Question] = {}
        self._asked_at = 0.0

    def look(self, wanted: Mapping[Key, Recipient]) -> dict[Key, Message]:
        """Ask those of `wanted` that have no open question; return the new replies."""
        self.ask(wanted)
        return self.hear(PATIENCE)

    def ask(self, wanted: Mapping[Key, Recipient]) -> None:
        """Ask those of `wanted` that have no open question; drop the questions to all others."""
        for key, question in tuple(self._open.items()):
            if wanted.get(key) != question.recipient:
                self._close(key)
        for key, recipient in wanted.items():
            if key not in self._open:
                self._ask(key, recipient)

    def hear(self, within: float) -> dict[Key, Message]:
        """Return the replies that come within so many seconds of the last question; each once."""
        return self.hear_until(self._asked_at + within)

    def hear_until(self, deadline: float) -> dict[Key, Message]:
        """Return the replies that come until `deadline`; each once."""
        answers = {}
        for key, question in tuple(self._open.items()):
            reply = question.request.reply(max(0.0, deadline - time.monotonic()))
            if reply is not None:
                answers[key] = reply
                self._close(key)
        return answers

    def asked_at(self, key: Key) -> float | None:
        """Return when a kernel's open question was sent; None if it has none."""
        question = self._open.get(key)
        return question.asked_at if question is not None else None

    def close(self) -> None:
        for key in tuple(self._open):
            self._close(key)

    def _ask(self, key: Key, recipient: Recipient) -> None:
        context = default_context()
        with contextlib.suppress(KernelError, zmq.ZMQError):  # it cannot be asked at all
            request = ControlRequest(
                context, recipient.endpoint, self._msg_type, {}, channel=self._channel, is_look=True
            )
            self._asked_at = time.monotonic()
            self._open[key] = _Question(recipient, self._asked_at, request)

    def _close(self, key: Key) -> None:
        self._open.pop(key).request.close()
