"""Readiness: a kernel is ready when it answers and the client hears its iopub."""

from __future__ import annotations

import math
import time
import uuid
from typing import Any

from kerneltui.errors import KernelError, KernelTimeout, ReadyTimeout
from kerneltui.kernels.client.requests import KernelRequests
from kerneltui.protocol import fields
from kerneltui.protocol.message import Message, parent_id

FIRST_REPEAT = 0.02  # seconds of silence on iopub after a reply; doubled at each repeat
_FAILED = ("error", "aborted")  # the kernel that was asked is gone, and another one may come
IOPUB_LIMIT = 3.0  # seconds after a reply: some kernels publish nothing for a kernel_info request


class Readiness:
    """One wait of one client for two proofs: a reply on shell, and a message on iopub.

    Anything that the kernel publishes for a request made here proves iopub. If the kernel is ours,
    the iopub_welcome to a topic of this client does, too; on a server's kernel that subscription
    would reset the `last_activity` that cullers look at. The welcome to the empty topic cannot be
    waited for: only a kernel's first subscriber gets it.
    """

    def __init__(self, client: KernelRequests[Any]) -> None:
        self._client = client
        self._topic = ""
        self._begin_again()

    def _begin_again(self) -> None:
        self.asked: list[str] = []
        self._reply: Message | None = None
        self._heard = False
        self._silence = FIRST_REPEAT
        self._repeat_at = self._limit = math.inf

    async def wait(self, timeout: float | None) -> Message:
        """Return the kernel_info reply."""
        deadline = None if timeout is None else time.monotonic() + timeout
        spawns = None
        while True:
            self._client.refresh()
            if spawns != (spawns := self._spawns()):
                self._begin()
            self._listen()
            if self._reply is not None and (self._heard or time.monotonic() >= self._limit):
                _refuse_old_protocol(self._reply)
                return self._reply
            await self._wait_for_more(deadline, timeout)

    def _spawns(self) -> int:
        return self._client.parent.life.spawns if self._client.parent else 0

    def _begin(self) -> None:
        """Ask a process that has not been asked yet."""
        self._begin_again()
        if self._client.parent is not None:
            self._topic = f"kt-{uuid.uuid4().hex}"
            self._client.iopub_channel.opened().subscribe(self._topic.encode("ascii"))
        self._ask()

    def _ask(self) -> None:
        self.asked.append(self._client.kernel_info())

    def _listen(self) -> None:
        for message in self._client.shell_channel.get_everything():
            if parent_id(message) not in self.asked:
                self._client.shell_channel.set_aside(message)
            elif message["msg_type"] == "kernel_info_reply":
                self._note_reply(message)
        for message in self._client.iopub_channel.get_everything():
            if parent_id(message) in self.asked or self._is_welcome(message) or _is_stray(message):
                self._heard = True
            elif message["parent_header"].get("session") == self._client.session.session:
                self._client.iopub_channel.set_aside(message)

    def _note_reply(self, reply: Message) -> None:
        if fields.text(reply["content"], "status") in _FAILED:
            self._repeat_at = time.monotonic() + self._silence
            return
        if self._reply is None:
            now = time.monotonic()
            self._repeat_at, self._limit = now + self._silence, now + IOPUB_LIMIT
        self._reply = reply

    def _is_welcome(self, message: Message) -> bool:
        subscription = message["content"].get("subscription")
        return message["msg_type"] == "iopub_welcome" and subscription == self._topic

    async def _wait_for_more(self, deadline: float | None, timeout: float | None) -> None:
        channels = (self._client.shell_channel, self._client.iopub_channel)
        until = min(math.inf if deadline is None else deadline, self._repeat_at, self._limit)
        try:
            await self._client.until_readable(channels, None if until == math.inf else until)
        except KernelTimeout as error:
            if deadline is not None and time.monotonic() >= deadline:
                raise ReadyTimeout(f"kernel not ready in {timeout:g} s: {error}") from None
        if time.monotonic() >= self._repeat_at:
            self._silence *= 2
            self._repeat_at = time.monotonic() + self._silence
            self._ask()


def _is_stray(message: Message) -> bool:
    """Tell whether a message is a status without a parent; some kernels always send those."""
    state = fields.text(message["content"], "execution_state")
    return state in ("busy", "idle") and not parent_id(message)


def _refuse_old_protocol(reply: Message) -> None:
    version = fields.text(reply["content"], "protocol_version")
    if version.partition(".")[0] in ("1", "2", "3", "4"):
        raise KernelError(f"kernel speaks protocol {version}; 5.0 and later are supported")
