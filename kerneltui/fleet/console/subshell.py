"""Subshell: runs requests beside a running cell, and holds those that wait for it to open."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kerneltui.errors import KernelTimeout
from kerneltui.frozen import frozen
from kerneltui.kernels.client.client import BlockingKernelClient


@frozen
class Parked:
    """A request that waits until it is known whether the kernel has subshells."""

    send: Callable[[], None]
    """Sends the request; raises if it cannot be sent."""
    fail: Callable[[Exception], None]
    """Tells the caller that it will not be sent."""


@dataclass(slots=True)
class Subshell:
    """One subshell of one client, created when it is first needed."""

    id: str | None = None
    """The kernel's id for it; None before it is created."""
    request: str | None = None
    """msg_id of the open request on control, towards its creation; None if there is none."""
    parked: list[Parked] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    """msg_ids of the requests to it without a reply."""
    used_at: float = 0.0

    @property
    def is_idle(self) -> bool:
        """It exists and runs nothing, so that the kernel can delete it at once."""
        return self.id is not None and not self.unanswered and not self.parked

    def note_request(self, msg_id: str) -> None:
        self.unanswered.add(msg_id)
        self.used_at = time.monotonic()

    def note_reply(self, msg_id: str) -> None:
        if msg_id in self.unanswered:
            self.unanswered.remove(msg_id)
            self.used_at = time.monotonic()

    def forget(self) -> None:
        """Take note that it is gone, or that its code goes on without us."""
        self.id = self.request = None
        self.unanswered.clear()

    def take_parked(self) -> list[Parked]:
        parked, self.parked = self.parked, []
        return parked


def delete_subshells(
    client: BlockingKernelClient, subshells: Iterable[Subshell], patience: float
) -> None:
    """Have the kernel delete the open ones; wait up to `patience` seconds for each reply."""
    sent = 0
    for subshell in subshells:
        if subshell.id is not None:
            content = {"subshell_id": subshell.id}
            message = client.session.new_message("delete_subshell_request", content)
            client.control_channel.send(message)
            sent += 1
        subshell.forget()
    with contextlib.suppress(KernelTimeout):
        for _ in range(sent if patience else 0):
            client.control_channel.get_msg(patience)
