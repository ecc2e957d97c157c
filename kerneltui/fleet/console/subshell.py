"""Subshell: a way round a running cell, and what waits until it is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kerneltui.frozen import frozen


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
