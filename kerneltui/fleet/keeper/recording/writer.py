"""RecordingWriter: appends to one kernel's recording, within a bounded space.

Records that cannot be written are dropped, and a gap tells so once writing works again: neither
the file nor the memory of this process grows by what cannot be kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path

from kerneltui.fleet.keeper.recording.format import (
    DROPPED,
    GENERATION,
    Gap,
    RecordKind,
    encode_began,
    encode_ended,
    encode_gap,
    encode_message,
)
from kerneltui.fleet.keeper.recording.recording import begun_at, older_path
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.private_file import open_private
from kerneltui.words import day_and_minute

RETRY = 5.0  # seconds between two attempts to write after one has failed
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors that then hold for every file of the folder."""
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT


class RecordingWriter:
    """Collects records, and writes them at each `flush`. `now`: seconds since the epoch."""

    def __init__(self, path: Path) -> None:
        self.problem = ""
        """Why nothing is written, and since when; "" while writing works."""
        self._path = path
        self._fd: int | None = None
        self._size = 0
        self._process: ProcessIdentity | None = None
        self._pending: list[bytes] = []
        self._pending_since = 0.0
        self._lost_since: float | None = None
        self._lost_why = ""
        self._rests_until = 0.0  # monotonic

    # -- what is to be written at the next flush ----

    def begin(self, identity: ProcessIdentity, now: float) -> None:
        """Record that from here on the process `identity` is heard."""
        self._process = identity
        self._add(encode_began(identity, now), now)

    def add_gap(self, gap: Gap, now: float) -> None:
        self._add(encode_gap(gap, now), gap.since)  # if dropped, it becomes part of a longer gap

    def add_message(self, frames: Sequence[bytes], now: float) -> None:
        if self._is_resting:
            self._lose(now)
        else:
            self._add(encode_message(frames, now), now)

    def end(self, now: float) -> None:
        """Record that the process was heard to its end."""
        self._add(encode_ended(now), now)

    def _add(self, record: bytes, since: float) -> None:
        if self._is_resting:
            self._lose(since)
            return
        self._pending_since = min(self._pending_since, since) if self._pending else since
        self._pending.append(record)

    def _lose(self, since: float) -> None:
        self._lost_since = since if self._lost_since is None else min(self._lost_since, since)

    # -- what is done with it ----

    def flush(self, now: float) -> None:
        """Write what is pending. Raises OSError.

        It is dropped then, and so are further records for RETRY seconds.
        """
        if self._is_resting:
            return
        records = [*self._after_loss(now), *self._pending]
        if not records:
            return
        try:
            self._write_records(records, now)
        except OSError as error:
            self._fail(error, now)
            raise
        self._pending = []
        self._lost_since = None
        self.problem = ""

    def rest(self, why: str) -> None:
        """Write nothing for a while, as the disk has taken nothing, here or for another kernel."""
        self._rests_until = time.monotonic() + RETRY
        self._lost_why = why
        if self._pending:
            self._lose(self._pending_since)
            self._pending = []

    def mark_heard(self) -> None:
        """Set the file's time to now: until then the kernel has been heard."""
        if self._fd is not None and self._lost_since is None and not self._is_resting:
            with contextlib.suppress(OSError):
                os.utime(self._fd)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @property
    def _is_resting(self) -> bool:
        return time.monotonic() < self._rests_until

    def _fail(self, error: OSError, now: float) -> None:
        self.rest(describe(error))
        if not self.problem:
            self.problem = (
                f"output has not been recorded since {day_and_minute(now)}: {error.strerror} "
                f"({self._path}); it goes on by itself once it can be written"
            )

    def _after_loss(self, now: float) -> list[bytes]:
        if self._lost_since is None:
            return []
        gap = encode_gap(Gap(self._lost_since, now, self._lost_why), now)
        return [gap, *self._introduction(now)]

    def _introduction(self, now: float) -> list[bytes]:
        return [] if self._process is None else [encode_began(self._process, now)]

    # -- files ----

    def _write_records(self, records: Sequence[bytes], now: float) -> None:
        self._open(now)
        batch: list[bytes] = []
        size = self._size
        for record in records:
            if size + len(record) > GENERATION:
                self._write(b"".join(batch))
                self._rotate(now)
                batch, size = [], self._size
            batch.append(record)
            size += len(record)
        self._write(b"".join(batch))

    def _open(self, now: float) -> None:
        if self._fd is not None:
            return
        self._fd = open_private(self._path, _FLAGS)
        self._size = os.fstat(self._fd).st_size
        older = older_path(self._path)
        if self._size == 0 and older.exists():
            dropped = Gap(begun_at(older, now), now, DROPPED)
            head = [encode_gap(dropped, now, RecordKind.EARLIER), *self._introduction(now)]
            self._write(b"".join(head))

    def _rotate(self, now: float) -> None:
        self._path.replace(older_path(self._path))
        self.close()
        self._open(now)

    def _write(self, data: bytes) -> None:
        """Append all of `data` or nothing. Raises OSError."""
        assert self._fd is not None
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)


def describe(error: OSError) -> str:
    """Return, in words for a gap, why nothing was written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "the disk was full"
    return f"the recording could not be written: {error.strerror}"
