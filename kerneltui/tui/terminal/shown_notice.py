"""ShownNotice: a notice that was shown, kept to be read again."""

from __future__ import annotations

from kerneltui.frozen import frozen

NOTICES_KEPT = 200


@frozen
class ShownNotice:
    """One notice that was shown."""

    time: str
    """The time of day, as HH:MM:SS."""
    severity: str
    text: str
