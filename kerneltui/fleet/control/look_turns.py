"""LookTurns: looks into a kernel and interrupts of it, one at a time.

A look wakes another thread of the kernel's process, which may then take a SIGINT that is on its
way; nothing wakes a main thread that waits in a call.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class LookTurns:
    """For any thread."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}

    @contextlib.contextmanager
    def taken(self, kernel_id: str, patience: float) -> Iterator[None]:
        """Wait until the others are done, at most `patience` seconds; then have them wait."""
        lock = self._locks.setdefault(kernel_id, threading.Lock())
        is_taken = lock.acquire(timeout=patience)
        try:
            yield
        finally:
            if is_taken:
                lock.release()
