"""Files and folders that only this user can write: checked when opened, written whole.

Other users may be able to write to the folder that holds a file. Rule: a file that we read,
append to or lock is opened here. So no link is followed, no FIFO blocks us, and no file of
another user is believed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from kerneltui.path_checks import is_there

GROUP_OR_WORLD = stat.S_IWGRP | stat.S_IWOTH


def open_private(
    path: Path, flags: int = os.O_RDONLY, *, max_size: int | None = None, writers: int = 0
) -> int:
    """Return a descriptor of a regular file that is ours; the caller closes it.

    `max_size`: the most bytes that it may have; None for any number. `writers`: mode bits of others
    who may write to it nevertheless. A new file gets mode 0600. Raises an OSError that says what is
    wrong.
    """
    return _open_judged(
        path,
        flags | os.O_NOFOLLOW,
        lambda status: (
            why_not_readable(status, max_size) or why_not_ours(status, os.geteuid(), writers)
        ),
    )


def read_private(path: Path, max_size: int, *, writers: int = 0) -> bytes:
    """Return the content of a regular file that is ours, as `open_private` opens it."""
    with os.fdopen(open_private(path, max_size=max_size, writers=writers), "rb") as file:
        return file.read(max_size)


def read_regular(path: Path, max_size: int) -> bytes:
    """Return the content of a regular file that the user has named; any user may own it.

    Links are followed. Raises OSError for anything else, for example a FIFO or a device.
    """
    fd = _open_judged(path, os.O_RDONLY, lambda status: why_not_readable(status, max_size))
    with os.fdopen(fd, "rb") as file:
        return file.read(max_size)


def is_private(path: Path) -> bool:
    """Tell whether `path` is a regular file that only this user can write."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and not why_not_ours(status, os.geteuid())


def write_private(path: Path, text: str, *, is_secret: bool = False) -> None:
    """Replace the file with one of mode 0600 that holds `text`; make its folder if needed.

    `is_secret`: refuse if the file system cannot close the file to other users. Raises OSError and
    leaves the old file as it was.
    """
    import tempfile  # loads shutil and three compression modules: 4 ms, not needed by readers

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd, partial = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # of mode 0600
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            if is_secret:
                _refuse_open_to_others(fd, path)
            file.write(text)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def make_private_folder(folder: Path, *, parents: bool = False) -> None:
    """Make a folder of mode 0700, or make sure that an existing one is ours and private.

    `parents`: make the folders above it as well. Raises an OSError that says what is wrong.
    """
    if parents:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # Through a descriptor: what is checked cannot be swapped for something else meanwhile.
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise _unfit(folder, "it is a link, or not a folder") from None
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            raise _unfit(folder, "it belongs to another user")
        os.fchmod(fd, 0o700)
        _refuse_open_to_others(fd, folder)
    finally:
        os.close(fd)


def folder_problem(folder: Path) -> str:
    """Return why other users can put files into a folder; "" if they cannot, or it is missing."""
    try:
        why = why_not_ours(folder.stat(), os.geteuid())
    except OSError:
        return ""
    if not why:
        return ""
    return f"other users can put files into {folder}: {why}; it should be yours alone, mode 0700"


def others_may_read(path: Path) -> str:
    """Return the mode of a file that other users may read; "" if they cannot, or it is missing."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    return f"{mode:04o}" if mode & (stat.S_IRGRP | stat.S_IROTH) else ""


# -- checks of a file's status; pure ----


def why_not_ours(status: os.stat_result, uid: int, writers: int = 0) -> str:
    """Return why users other than `uid` may have written a file; "" if none can.

    `writers`: mode bits of others who may write to it nevertheless.
    """
    if status.st_uid != uid:
        return f"it belongs to another user (uid {status.st_uid})"
    if status.st_mode & GROUP_OR_WORLD & ~writers:
        return f"others may write it (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def why_not_readable(status: os.stat_result, max_size: int | None) -> str:
    """Return why reading might fail or never end; "" if neither can happen."""
    if stat.S_ISDIR(status.st_mode):
        return "it is a folder"
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if max_size is not None and status.st_size > max_size:
        return f"it has {status.st_size:,} bytes, more than {max_size:,}"
    return ""


# -- opening ----


def _open_judged(path: Path, flags: int, judge: Callable[[os.stat_result], str]) -> int:
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP and flags & os.O_NOFOLLOW:
            raise _unfit(path, "it is a link") from None
        if error.errno == errno.ENXIO:  # a socket, or a FIFO without a reader
            raise _unfit(path, "it is not a regular file") from None
        raise
    if why := judge(os.fstat(fd)):
        os.close(fd)
        raise _unfit(path, why)
    os.set_blocking(fd, True)
    return fd


def _refuse_open_to_others(fd: int, path: Path) -> None:
    if stat.S_IMODE(os.fstat(fd).st_mode) & 0o077:
        raise _unfit(path, "its file system keeps it open to others")


def _unfit(path: Path, why: str) -> OSError:
    return PermissionError(errno.EPERM, why, str(path))


def write_new(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600. Raises FileExistsError if there is one already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """Return a path in `folder` that is not known to exist: "stem.txt", "stem-2.txt", ..."""
    path, number = folder / f"{stem}{suffix}", 1
    while is_there(path):
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path
