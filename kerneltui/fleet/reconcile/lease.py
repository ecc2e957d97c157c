"""Lease: a lock, so that only one dashboard on this host restarts kernels that die."""

from __future__ import annotations

import os
from pathlib import Path

from kerneltui.file_lock import try_lock
from kerneltui.kernels.processes.identity import host_key
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder, open_private


class Lease:
    """Held by one process for each runtime folder; the OS releases it when that process ends."""

    def __init__(self, folder: Path) -> None:
        self._path = _lease_path(folder)
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def take(self) -> bool:
        """Take the lease if it is free; tell whether this process has it. Raises OSError."""
        if self._fd is None:
            make_private_folder(self._path.parent)
            fd = open_private(self._path, os.O_RDWR | os.O_CREAT)
            try:
                if try_lock(fd):
                    self._fd = fd
            finally:
                if self._fd is None:
                    os.close(fd)
        return self.held

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_leased(folder: Path) -> bool:
    """Tell whether a dashboard on this host restarts kernels that die."""
    try:
        fd = open_private(_lease_path(folder))
    except OSError:  # none has ever done so, or the file is not ours
        return False
    try:
        return not try_lock(fd, is_shared=True)
    except OSError:  # a file system without locks: then there are no restarts
        return False
    finally:
        os.close(fd)


def _lease_path(folder: Path) -> Path:
    # A home may be mounted on many hosts, and each has kernels of its own.
    return own_folder(folder) / f"restarts-{host_key()}.lock"
