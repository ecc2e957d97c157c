"""The file of bounded size that takes what a kernel's process writes to stdout and stderr."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from pathlib import Path

from kerneltui.errors import LaunchError
from kerneltui.paths import APP, own_folder, runtime_folder
from kerneltui.private_file import is_private, make_private_folder, open_private
from kerneltui.protocol.text import clean_line

LOG_LIMIT = 1_000_000  # bytes; over it, `trim` keeps the last quarter of as many
TAIL_BYTES = 65_536  # read from the end of the file for `tail`
HIDDEN = "••••"
"""Stands for a secret."""


class LogFile:
    """One kernel's log, kept through its restarts."""

    def __init__(self, path: Path, secret: bytes = b"") -> None:
        """`secret`: what the last lines do not tell, the connection's key."""
        self.path = path
        self._secret = secret
        self._start = 0  # where the output of the process launched last begins

    @classmethod
    def beside(cls, connection_file: str, kernel_id: str, secret: bytes = b"") -> LogFile:
        """Return the log of a kernel, in kerneltui's folder of the Jupyter runtime folder.

        The connection file may lie in a folder of others. An earlier kerneltui kept the log
        beside it, and there it stays.
        """
        earlier = Path(connection_file).parent / f"kernel-{kernel_id}.log"
        if is_private(earlier):
            return cls(earlier, secret)
        return cls(own_folder(runtime_folder()) / f"{kernel_id}.log", secret)

    def open(self) -> int:
        """Return a descriptor for the stdout and stderr of a new process; the caller closes it.

        It appends, whatever the file's size is by then, so that the file can be cut while
        the kernel writes. Raises LaunchError for a file that is not ours alone to write.
        """
        try:
            if self.path.parent.name == APP:  # else it is an earlier kerneltui's
                make_private_folder(self.path.parent, parents=True)
            fd = open_private(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise self._unusable(error) from error
        os.fchmod(fd, 0o600)
        self._start = os.fstat(fd).st_size
        return fd

    def tail(self, lines: int) -> tuple[str, ...]:
        """Return up to `lines` last lines of the latest process, cleaned, without blank ones."""
        data = self._read_end()
        if self._secret:
            data = data.replace(self._secret, HIDDEN.encode())
        text = data.decode("utf-8", "replace")
        # A progress bar writes its line again and again; the last state is what one would see.
        shown = (line.rstrip().rpartition("\r")[2] for line in text.split("\n"))
        cleaned = (clean_line(line).strip() for line in shown)
        return tuple(deque(filter(None, cleaned), maxlen=lines))

    def is_written_since(self, instant: float) -> bool:
        """Tell whether anything was written after an instant, in seconds since the epoch."""
        written_at = self.written_at
        return written_at is not None and written_at >= instant

    @property
    def written_at(self) -> float | None:
        """When it was written last, in seconds since the epoch; None if it is not there."""
        try:
            return self.path.lstat().st_mtime
        except OSError:
            return None

    def trim(self) -> None:
        """Cut a file over LOG_LIMIT down to its last lines.

        What the kernel writes between our reading and our cutting is lost; that is less
        than a millisecond's worth. Nothing else is lost or moved.
        """
        try:
            # Not with O_APPEND, where Linux lets pwrite() append too.
            fd = open_private(self.path, os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            size = os.fstat(fd).st_size
            if size > LOG_LIMIT:
                self._keep_end(fd, size)
        finally:
            os.close(fd)

    def remove(self) -> None:
        with contextlib.suppress(OSError):  # one that cannot be reached was not written either
            self.path.unlink()

    def _keep_end(self, fd: int, size: int) -> None:
        end = os.pread(fd, LOG_LIMIT // 4, size - LOG_LIMIT // 4)
        kept = end[end.find(b"\n") + 1 :]  # from the start of a line, where there is one
        os.pwrite(fd, kept, 0)
        os.ftruncate(fd, len(kept))
        self._start = max(0, self._start - (size - len(kept)))

    def _read_end(self) -> bytes:
        """Return the last bytes written since the latest launch, from the start of a line.

        None are returned of a file that is gone, or that others may have written.
        """
        try:
            fd = open_private(self.path)
        except OSError:
            return b""
        with os.fdopen(fd, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(self._start, size - TAIL_BYTES)
            file.seek(start)
            end = file.read()
        return end if start == self._start else end[end.find(b"\n") + 1 :]

    def _unusable(self, error: OSError) -> LaunchError:
        place = f"{error.filename}: " if error.filename != str(self.path) else ""
        message = f"cannot write the kernel's output to {self.path}: {place}{error.strerror}"
        return LaunchError.of(message, (), error.errno)
