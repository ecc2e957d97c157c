"""EarlierRecorder: the recorder of an earlier kerneltui, which may outlive an update for days."""

from __future__ import annotations

from pathlib import Path

from kerneltui.fleet.keeper.lock import KeeperLock, earlier_lock_path
from kerneltui.fleet.manifests.manifest import Manifest, is_earlier


class EarlierRecorder:
    """Tells which kernels it records: two recorders would record them twice."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: KeeperLock | None = None
        """Held once it has ended, and a kernel's files lie where it would write them."""

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def has(self, manifest: Manifest) -> bool:
        if self._lock or not is_earlier(manifest.connection_file, manifest.kernel_id):
            return False
        try:
            lock = KeeperLock(earlier_lock_path(self._folder))
        except OSError:
            return False
        if lock.try_now():
            self._lock = lock
        else:
            lock.close()
        return self._lock is None
