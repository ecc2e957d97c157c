"""Locks on open files. The system takes one back when its holder ends, in whatever way."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

LOOK = 0.01  # seconds between two tries to lock a file
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Of a file system that has none: then nobody is kept from giving orders."""


def lock_file(fd: int, deadline: float, *, is_shared: bool = False) -> None:
    """Lock an open file or folder. Raises BlockingIOError if it is not free by `deadline`.

    `is_shared`: together with others who only look.
    """
    try:
        while not try_lock(fd, is_shared=is_shared):
            if time.monotonic() >= deadline:
                raise BlockingIOError(errno.EWOULDBLOCK, "another program holds its lock")
            time.sleep(LOOK)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def try_lock(fd: int, *, is_shared: bool = False) -> bool:
    """Tell whether an open file is locked for us now. Raises OSError if it has no locks.

    `is_shared`: together with others who only look.
    """
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_UN)


def is_at(fd: int, path: Path) -> bool:
    """Tell whether an open file still is the one at `path`, and was not replaced or removed."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False
