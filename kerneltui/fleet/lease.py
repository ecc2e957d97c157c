"""Lease: of all dashboards on this host, one restarts the kernels that die."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Lease:
    """Held by one process for each runtime folder; the system takes it back when that ends."""

    def __init__(self, folder: Path) -> None:
        # A home may be mounted on many hosts, and each has kernels of its own.
        self._path = folder / f"kerneltui-restarts-{os.uname().nodename}.lock"
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def take(self) -> bool:
        """Tell whether it is ours, taking it where nobody has it. Raises OSError."""
        if self._fd is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
            except BaseException:
                os.close(fd)
                raise
            else:
                self._fd = fd
        return self.held

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
