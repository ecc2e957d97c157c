"""ManifestLock: lets one process at a time give orders to a kernel.

It is an flock on the kernel's manifest. The system releases it when its holder exits, for any
reason: so an order in a manifest that is not locked was cut off.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import NamedTuple

from kerneltui.file_lock import is_at, lock_file
from kerneltui.private_file import make_private_folder, open_private

PATIENCE = 0.2  # seconds to wait for a process that only reads, or that is done at once
SPARE = 16_384  # bytes on the disk that are reserved for the note after an order


class _Part(NamedTuple):
    """A file that is to become the manifest."""

    path: Path
    fd: int


class ManifestLock:
    """Used by one thread at a time."""

    def __init__(self, path: Path, fd: int) -> None:
        """`fd`: of the locked file at `path`; this object closes it."""
        self._path = path
        self._fd = fd
        self._spare: _Part | None = None

    @classmethod
    def take(cls, path: Path) -> ManifestLock:
        """Lock an existing manifest.

        Raises FileNotFoundError if it is gone, BlockingIOError if another process has
        locked it, else OSError.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            fd = _open(path)
            try:
                lock_file(fd, deadline)
                if is_at(fd, path):
                    _remove_parts(path)
                    return cls(path, fd)
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # another version was written meanwhile

    @classmethod
    def create(cls, path: Path, text: str) -> ManifestLock:
        """Write a manifest that is locked from its first moment on. Raises OSError."""
        make_private_folder(path.parent, parents=True)
        return cls(path, _replace(path, _new_part(path), text))

    def reserve(self) -> None:
        """Reserve the space for the next `write`, in case the disk fills until then.

        Raises OSError.
        """
        if self._spare is not None:
            return
        part = _new_part(self._path)
        try:
            _allocate(part.fd)
        except BaseException:
            _discard(part)
            raise
        self._spare = part

    def write(self, text: str) -> None:
        """Replace the manifest as a whole. Raises OSError; then it is as it was.

        If it was removed meanwhile, it stays removed: raises FileNotFoundError.
        """
        if not is_at(self._fd, self._path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))
        part, self._spare = self._spare or _new_part(self._path), None
        old, self._fd = self._fd, _replace(self._path, part, text)
        os.close(old)

    def release(self) -> None:
        if self._spare is not None:
            _discard(self._spare)
            self._spare = None
        os.close(self._fd)


def is_locked(path: Path, patience: float = 0.0) -> bool:
    """Tell whether a process is giving an order to the kernel of a manifest.

    `patience`: seconds to wait for a process that only notes something.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            fd = _open(path)
        except OSError:
            return False
        try:
            lock_file(fd, deadline, is_shared=True)
            if is_at(fd, path):
                return False
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(fd)


def _open(path: Path) -> int:
    """Open a manifest to lock it: for writing if allowed, as network file systems need that."""
    try:
        return open_private(path, os.O_RDWR)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        return open_private(path)


def _new_part(path: Path) -> _Part:
    import tempfile  # it loads shutil and three compressors, which a reader does not need

    fd, name = tempfile.mkstemp(prefix=_prefix(path), dir=path.parent)  # of mode 0600
    return _Part(Path(name), fd)


def _replace(path: Path, part: _Part, text: str) -> int:
    """Make a part the manifest; return its descriptor, which is locked."""
    try:
        lock_file(part.fd, 0.0)
        data = text.encode()
        while data:
            data = data[os.write(part.fd, data) :]
        os.ftruncate(part.fd, os.lseek(part.fd, 0, os.SEEK_CUR))
        part.path.replace(path)
    except BaseException:
        _discard(part)
        raise
    return part.fd


def _allocate(fd: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, SPARE)
    else:
        os.pwrite(fd, bytes(SPARE), 0)


def _discard(part: _Part) -> None:
    os.close(part.fd)
    with contextlib.suppress(OSError):  # the next process that locks it removes what is left
        part.path.unlink()


def _remove_parts(path: Path) -> None:
    """Remove the files of a process that was killed while it wrote."""
    for part in path.parent.glob(f"{_prefix(path)}*"):
        with contextlib.suppress(OSError):
            part.unlink()


def _prefix(path: Path) -> str:
    return f".{path.name}-"
