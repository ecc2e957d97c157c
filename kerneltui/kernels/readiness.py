"""When is a kernel ready for a client? When it answers, and the client hears what it publishes."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError, KernelTimeout, ReadyTimeout
from kerneltui.protocol.message import Message, parent_id

if TYPE_CHECKING:
    from kerneltui.kernels.client import BlockingKernelClient

FIRST_REPEAT = 0.02  # seconds of silence on iopub after a reply; doubled at each repeat


class Readiness:
    """One wait for one client's two proofs: a reply on shell, and iopub heard.

    The proof for iopub is the welcome to a topic of its own, where the kernel is ours (on
    a server's kernel it would reset the `last_activity` that cullers look at), or anything
    that the kernel publishes for a request made here. The welcome to everything is no
    proof to wait for: only a kernel's first subscriber gets one.
    """

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self.asked: list[str] = []
        self._topic = ""
        self._reply: Message | None = None
        self._heard = False

    def wait(self, timeout: float | None) -> Message:
        """Return the kernel_info reply."""
        deadline = None if timeout is None else time.monotonic() + timeout
        spawns = None
        while True:
            self._client.refresh()
            if spawns != (spawns := self._spawns()):
                self._begin()
            self._listen()
            if self._reply is not None and self._heard:
                _refuse_old_protocol(self._reply)
                return self._reply
            self._wait_for_more(deadline, timeout)

    def _spawns(self) -> int:
        return self._client.parent.life.spawns if self._client.parent else 0

    def _begin(self) -> None:
        """Ask a process that has not been asked yet."""
        self.asked, self._reply, self._heard = [], None, False
        self._silence = FIRST_REPEAT
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
                self._reply = message
        for message in self._client.iopub_channel.get_everything():
            if parent_id(message) in self.asked or self._is_welcome(message):
                self._heard = True
            elif message["parent_header"].get("session") == self._client.session.session:
                self._client.iopub_channel.set_aside(message)

    def _is_welcome(self, message: Message) -> bool:
        subscription = message["content"].get("subscription")
        return message["msg_type"] == "iopub_welcome" and subscription == self._topic

    def _wait_for_more(self, deadline: float | None, timeout: float | None) -> None:
        channels = (self._client.shell_channel, self._client.iopub_channel)
        if self._reply is None:
            try:
                self._client.wait_readable(channels, deadline)
            except KernelTimeout as error:
                raise ReadyTimeout(f"kernel not ready in {timeout:g} s: {error}") from None
            return
        repeat_at = time.monotonic() + self._silence
        try:
            self._client.wait_readable(channels, min(repeat_at, deadline or repeat_at))
        except KernelTimeout as error:
            if deadline is not None and time.monotonic() >= deadline:
                raise ReadyTimeout(f"kernel not ready in {timeout:g} s: {error}") from None
            self._silence *= 2
            self._ask()


def _refuse_old_protocol(reply: Message) -> None:
    version = str(reply["content"].get("protocol_version", ""))
    if version.partition(".")[0] in ("1", "2", "3", "4"):
        raise KernelError(f"kernel speaks protocol {version}; 5.0 and later are supported")
