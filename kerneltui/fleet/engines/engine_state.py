"""EngineState: whether a remote engine tells what its kernels do, and if not, why."""

from __future__ import annotations

from enum import StrEnum

from kerneltui.frozen import frozen


class Link(StrEnum):
    """How it is with the connection to a remote engine."""

    CONNECTING = "connecting"
    """Not connected yet, since it was opened."""
    CONNECTED = "connected"
    LOST = "connection lost"
    """It was connected; the engine tries again by itself."""
    REFUSED = "refused"
    """It will not work until the user changes something; the engine does not try again."""


@frozen
class EngineState:
    """The connection to a remote engine at one moment. Its texts are clean."""

    link: Link
    since: float = 0.0
    """Since when; an instant of `time.monotonic()`."""
    reason: str = ""
    """Why it is lost or refused, or why it is not connected yet."""
    advice: str = ""
    """What the user can do about it."""

    def __str__(self) -> str:
        return "; ".join(filter(None, (str(self.link), self.reason, self.advice)))
