"""Subshell: a way round a running cell, and what waits until it is open."""

from __future__ import annotations

import contextlib
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
        subshell.id = None
    with contextlib.suppress(KernelTimeout):
        for _ in range(sent if patience else 0):
            client.control_channel.get_msg(patience)
