"""HeldManifests: the manifests that this process has locked. Its threads share each lock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from kerneltui.fleet.manifests.lock import ManifestLock


@dataclass(slots=True)
class Held:
    """A manifest that is locked."""

    lock: ManifestLock
    count: int
    """How many callers in this process hold it."""
    turn: threading.RLock = field(default_factory=threading.RLock)
    """Taken by the one of them that reads or writes now."""


class HeldManifests:
    """The manifests that are held, by their paths. In any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._let_go_of_one = threading.Condition(self._lock)
        self._held: dict[Path, Held] = {}

    def __getitem__(self, path: Path) -> Held:
        return self._held[path]

    def share(self, path: Path) -> Held | None:
        """Hold a manifest that is locked here already; None if it is not."""
        with self._lock:
            held = self._held.get(path)
            if held is not None:
                held.count += 1
            return held

    def keep(self, path: Path, lock: ManifestLock) -> Held:
        """Hold a manifest by the lock that was just taken."""
        with self._lock:
            held = self._held.get(path)
            if held is None:
                self._held[path] = held = Held(lock, count=1)
                return held
            held.count += 1
        lock.release()  # a thread of ours was faster, and its file system has no locks
        return held

    def let_go(self, path: Path, held: Held) -> None:
        """Stop holding it; the last holder in this process unlocks it."""
        with self._lock:
            held.count -= 1
            is_over = not held.count
            if is_over:
                del self._held[path]
                self._let_go_of_one.notify_all()
        if is_over:
            held.lock.release()

    def wait_for_none(self, timeout: float) -> bool:
        """Wait until nothing is held; return False if something is after `timeout` seconds."""
        with self._lock:
            return self._let_go_of_one.wait_for(lambda: not self._held, timeout)
