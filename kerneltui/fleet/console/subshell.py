"""Subshell: a way round a running cell, and what waits until it is open."""

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
    """A request that is sent once it is known how."""

    send: Callable[[], None]
    """May raise what keeps a request from being sent."""
    fail: Callable[[Exception], None]
    """Tells who waits for it that it will not be sent."""


@dataclass(slots=True)
class Subshell:
    """One subshell of a client's own, made when it is first needed."""

    id: str | None = None
    """The kernel's name for it; None before it is made."""
    request: str | None = None
    """msg_id of the request on control that brings it nearer; None while there is none."""
    parked: list[Parked] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    """msg_ids of what was sent to it."""
    used_at: float = 0.0

    @property
    def is_idle(self) -> bool:
        """It is there, and runs nothing: the kernel ends it at once when told to."""
        return self.id is not None and not self.unanswered and not self.parked

    def note_request(self, msg_id: str) -> None:
        self.unanswered.add(msg_id)
        self.used_at = time.monotonic()

    def note_reply(self, msg_id: str) -> None:
        if msg_id in self.unanswered:
            self.unanswered.remove(msg_id)
            self.used_at = time.monotonic()

    def forget(self) -> None:
        """Take note that it is gone, or that who runs there goes on without us."""
        self.id = None
        self.unanswered.clear()

    def take_parked(self) -> list[Parked]:
        parked, self.parked = self.parked, []
        return parked


def delete_subshells(
    client: BlockingKernelClient, subshells: Iterable[Subshell], patience: float
) -> None:
    """Have the kernel end those that are open, and wait `patience` seconds until it has heard."""
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
