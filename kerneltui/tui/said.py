"""Said: a notice that was shown, kept to be read again."""

from __future__ import annotations

from dataclasses import dataclass

NOTICES_KEPT = 200


@dataclass(frozen=True, slots=True)
class Said:
    """One notice that was shown."""

    time: str
    """Of day, as HH:MM:SS."""
    severity: str
    text: str
