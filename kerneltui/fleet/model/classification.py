"""Liveness: whether a connection file is of a kernel that lives, and how that is known."""

from __future__ import annotations

from enum import StrEnum


class Liveness(StrEnum):
    """How sure it is that a file is of a living kernel."""

    VERIFIED = "verified"
    """It has proven itself: by a signed message, or by its ports and its arguments."""
    FOUND = "found"
    """There is a process, or somebody who listens; nothing is proven yet."""
    SILENT = "not answering"
    STALE = "stale"
    """No process has it: it was left behind."""
    OTHER_HOST = "maybe on another host"
