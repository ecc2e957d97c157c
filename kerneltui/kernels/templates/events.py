"""What a template tells: that it is ready, has forked a kernel or refuses to, and of exits."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence

from kerneltui.frozen import frozen


@frozen
class Ready:
    """Its imports are done."""


@frozen
class Failed:
    """It has ended, or was ended, before it was ready."""

    reason: str


@frozen
class Stale:
    """It forks no more, and ends after its last kernel."""

    reason: str


@frozen
class Gone:
    """It has ended; the exit codes of its kernels are lost."""


@frozen
class Refused:
    """A request that forks nothing."""

    number: int
    reason: str


@frozen
class Forked:
    """A fork that waits before its first line: `release` or `abandon` it, exactly once."""

    number: int
    pid: int
    start_ticks: int
    """As in ProcessIdentity."""
    exit_fd: int
    """A pidfd, which belongs to whoever receives this event."""
    gate: int

    def release(self) -> None:
        """Let the kernel begin. If it has ended already, its exit is told as usual."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.gate, b"g")
        os.close(self.gate)

    def abandon(self) -> None:
        """Have the fork end without having run anything."""
        os.close(self.gate)
        os.close(self.exit_fd)


@frozen
class Exited:
    """The end of a forked process."""

    pid: int
    returncode: int
    """As in `subprocess`."""
    number: int
    """Of its request."""


Event = Ready | Failed | Stale | Gone | Refused | Forked | Exited
_OF_A_FORK = 2  # descriptors: of its end and of its gate
_BY_NAME: dict[str, type[Event]] = {
    "ready": Ready,
    "failed": Failed,
    "stale": Stale,
    "refused": Refused,
    "forked": Forked,
    "exited": Exited,
}


def event_of(packet: bytes, fds: Sequence[int]) -> Event | None:
    """Return the event that a packet of a template tells, with the descriptors beside it.

    None for a fork whose descriptors this process had no room for: its gate is closed then, so
    it ends, and that is told next.
    """
    name, *values = json.loads(packet)
    if name == "forked" and len(fds) != _OF_A_FORK:
        for each in fds:
            os.close(each)
        return None
    return _BY_NAME[name](*values, *fds)
