"""Locks on open files. The system releases a lock when its holder exits."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

LOOK = 0.01  # seconds between two tries to lock a file
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors of a file system without locks: `lock_file` then goes on without one."""


def lock_file(fd: int, deadline: float, *, is_shared: bool = False) -> None:
    """Lock an open file or folder. Raises BlockingIOError if it is not free by `deadline`.

    `deadline`: an instant of `time.monotonic()`. `is_shared`: a shared lock, for processes that
    only read.
    """
    try:
        while True:
            is_last = time.monotonic() >= deadline  # before the try: this thread may stand still
            if try_lock(fd, is_shared=is_shared):
                return
            if is_last:
                raise BlockingIOError(errno.EWOULDBLOCK, "another program holds its lock")
            time.sleep(LOOK)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def try_lock(fd: int, *, is_shared: bool = False) -> bool:
    """Lock an open file if it is free; tell whether it is locked for us.

    `is_shared`: a shared lock, for processes that only read. Raises OSError if the file system has
    no locks.
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
