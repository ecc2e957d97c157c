"""LogReader: reads a kernel's log as it grows, and goes on behind what was read when it is cut."""

from __future__ import annotations

import os

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.log_file import KEPT

SURE = 1024  # bytes: so much is found in a cut log only where it was read before


@frozen
class Fresh:
    """What is new in a log."""

    data: bytes
    is_cut: bool = False
    """The log was cut, and how it continues what was read before is not known: all of it is here,
    and something may be missing before it."""
    skipped: int = 0
    """Bytes before it that were not read, as there were too many."""


class LogReader:
    """Used by one thread at a time."""

    def __init__(self) -> None:
        self.position = 0
        """Bytes of the file that were read."""
        self._last = b""
        """The end of what was read: what `LogFile.trim` keeps of it is somewhere in it."""

    def read(self, fd: int, limit: int | None = None) -> Fresh:
        """Return what was written since the last call.

        `fd`: of the log, which may have been opened again. `limit`: read only so many bytes, from
        the end. Raises OSError.
        """
        is_cut = False
        if not self._is_in_place(fd):
            self.position = _shared(self._last, os.pread(fd, len(self._last), 0))
            is_cut = not self.position
        size = os.fstat(fd).st_size
        start = self.position if limit is None else max(self.position, size - limit)
        skipped = start - self.position
        data = os.pread(fd, max(0, size - start), start)
        self.position = start + len(data)
        self._last = ((b"" if is_cut or skipped else self._last) + data)[-KEPT:]
        return Fresh(data, is_cut, skipped)

    def _is_in_place(self, fd: int) -> bool:
        """Tell whether the file still has what was read last where it was read."""
        end = self._last[-SURE:]
        return os.pread(fd, len(end), self.position - len(end)) == end


def _shared(before: bytes, after: bytes) -> int:
    """Return the length of the longest end of `before` that `after` begins with.

    0 if it is shorter than SURE: it may be the same by chance.
    """
    begin = after[:SURE]
    start = before.find(begin) if len(begin) == SURE else -1
    while start >= 0 and not after.startswith(before[start:]):
        start = before.find(begin, start + 1)
    return len(before) - start if start >= 0 else 0
