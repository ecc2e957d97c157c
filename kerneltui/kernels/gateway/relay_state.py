"""RelayState: how a relay stands with its server, and what it has missed."""

from __future__ import annotations

from enum import StrEnum

from kerneltui.frozen import frozen


class RelayLink(StrEnum):
    """A relay's connection to its server."""

    CONNECTING = "connecting"
    """It has not been open yet."""
    OPEN = "open"
    LOST = "lost"
    """It is tried again; `reason` says what happened."""
    CLOSED = "closed"
    """It ended for good, `reason` says why."""


@frozen
class RelayState:
    """One moment of a relay."""

    link: RelayLink
    since: float
    """An instant of time.monotonic()."""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.link}: {self.reason}" if self.reason else str(self.link)


@frozen
class LinkGap:
    """A time in which messages of the kernel may have been missed."""

    since: float
    """Seconds since the epoch, as `until`."""
    until: float
    why: str
