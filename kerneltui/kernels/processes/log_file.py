"""LogFile: a file of limited size for what a kernel writes to stdout and stderr."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from pathlib import Path

from kerneltui.errors import LaunchError
from kerneltui.paths import APP, own_folder, runtime_folder
from kerneltui.private_file import is_private, make_private_folder, open_private
from kerneltui.protocol.text import clean_line

LOG_LIMIT = 1_000_000  # bytes; `trim` cuts a larger file down to its last KEPT bytes
KEPT = LOG_LIMIT // 4
TAIL_BYTES = 65_536  # read from the end of the file for `tail`
HIDDEN = "••••"
"""Stands for a secret."""


class LogFile:
    """One kernel's log, kept through its restarts."""

    def __init__(self, path: Path, secret: bytes = b"") -> None:
        """`secret`: the connection's key, which the last lines do not show."""
        self.path = path
        self._secret = secret
        self._start = 0  # where the output of the latest process begins

    @classmethod
    def beside(cls, connection_file: str, kernel_id: str, secret: bytes = b"") -> LogFile:
        """Return the log of a kernel, in kerneltui's folder of the Jupyter runtime folder.

        The connection file may be in another program's folder. An earlier version of kerneltui kept
        the log beside it; such a log stays there.
        """
        earlier = Path(connection_file).parent / f"kernel-{kernel_id}.log"
        if is_private(earlier):
            return cls(earlier, secret)
        return cls(own_folder(runtime_folder()) / f"{kernel_id}.log", secret)

    def open(self) -> int:
        """Return a descriptor for the stdout and stderr of a new process; the caller closes it.

        It always writes at the present end of the file, so that the file can be cut while the
        kernel writes. Raises LaunchError for a file that others may write to.
        """
        try:
            if self.path.parent.name == APP:  # else an earlier version made it
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
        # A progress bar writes its line again and again; a terminal would show its last state.
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

        What the kernel writes between our read and our cut is lost: less than a millisecond of
        output. Nothing else is lost or moved.
        """
        try:
            # Not with O_APPEND: with it, pwrite() also appends on Linux.
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
        with contextlib.suppress(OSError):  # if it cannot be reached, it was not written either
            self.path.unlink()

    def _keep_end(self, fd: int, size: int) -> None:
        end = os.pread(fd, KEPT, size - KEPT)
        kept = end[end.find(b"\n") + 1 :]  # from the start of a line, if there is one
        os.pwrite(fd, kept, 0)
        os.ftruncate(fd, len(kept))
        self._start = max(0, self._start - (size - len(kept)))

    def _read_end(self) -> bytes:
        """Return the last bytes written since the latest launch, from the start of a line.

        b"" for a file that is gone, or that others may have written to.
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
