"""KeeperLock: at most one recorder for each runtime folder and host, and its problem.

The system releases the lock when its holder exits, for any reason; pid files are not trusted.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Self

from kerneltui.file_lock import try_lock, unlock
from kerneltui.kernels.processes.identity import host_key
from kerneltui.paths import own_folder
from kerneltui.private_file import open_private
from kerneltui.protocol.text import clean_line

SIZE = 512  # bytes, written in advance, so that a problem can be noted on a full disk
PATIENCE = 0.5  # seconds: a process that only checks for a recorder holds the lock for an instant
_POLL = 0.02  # seconds


def lock_path(folder: Path) -> Path:
    # A home may be mounted on many hosts, and each has kernels of its own.
    return own_folder(folder) / f"recorder-{host_key()}.lock"


def earlier_lock_path(folder: Path) -> Path:
    """Return the lock of an earlier kerneltui's recorder, which may outlive an update for days."""
    return folder / f"kerneltui-recorder-{os.uname().nodename}.lock"


def is_recorded(folder: Path) -> bool:
    """Tell whether a recorder runs. Raises OSError if that cannot be told."""
    try:
        fd = open_private(lock_path(folder))
    except FileNotFoundError:
        return False
    try:
        return not try_lock(fd, is_shared=True)
    finally:
        os.close(fd)


def keeper_problem(folder: Path) -> str:
    """Return the problem that the present or the last recorder noted; "" if there is none.

    Raises OSError.
    """
    try:
        fd = open_private(lock_path(folder))
    except FileNotFoundError:
        return ""
    try:
        return clean_line(os.read(fd, SIZE).decode("utf-8", "replace").strip(" \n\0"))
    finally:
        os.close(fd)


class KeeperLock:
    """The lock of one folder's recorder, held once `acquire` has returned True."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._path = path
        self._fd = open_private(self._path, os.O_RDWR | os.O_CREAT)
        self._opened = os.fstat(self._fd)  # a network file system does not tell it after a removal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._fd)

    def acquire(self) -> bool:
        """Take the lock, and clear the problem noted; False if there is another recorder."""
        deadline = time.monotonic() + PATIENCE
        while not self.try_now():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        self.say("")
        return True

    def release(self) -> None:
        unlock(self._fd)

    def is_valid(self) -> bool:
        """Tell whether the locked file is still at its path, and was not removed.

        Raises OSError if the file system does not tell.
        """
        try:
            return os.path.samestat(self._opened, self._path.lstat())
        except FileNotFoundError:
            return False

    def say(self, problem: str) -> None:
        """Note a problem in the file, in place of the one before; "" for none."""
        text = problem.encode()[: SIZE - 1].ljust(SIZE - 1) + b"\n"
        with contextlib.suppress(OSError):  # the file was made on a disk that was full already
            os.pwrite(self._fd, text, 0)

    def try_now(self) -> bool:
        """Take the lock; False if another process has it, even for an instant."""
        return try_lock(self._fd)
