"""Recall: what a kernel said before anybody here listened, read back from its recording.

An ear subscribes first, also to a topic of its own, whose welcome the recorder hears as well: a
recording that has it has all that was said before the ear heard. What comes meanwhile is held.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

from kerneltui.errors import ProtocolError
from kerneltui.fleet.batch import OUTPUT_TYPES, Received
from kerneltui.fleet.recording import Began, Hole, older_path, read_recording
from kerneltui.kernels.session import new_session
from kerneltui.protocol.connection import ConnectionInfo

WELCOME_TIME = 1.0  # seconds for the kernel to welcome us; some never do
RECORD_TIME = 2.0  # seconds for the welcome to be recorded
LOOK = 0.05  # seconds between two looks for it
TURN_RECORDS = 1_000  # read in one turn, so that other kernels are heard as well
FRESH_IDS = 1_000  # of the end of a recording, which may come once more
LATE = 5.0  # seconds before we came that the recorder may have begun

Past = Began | Hole | Received


class Recall:
    """One recording, read in turns; used by the monitor's thread."""

    def __init__(self, path: Path, info: ConnectionInfo, topic: bytes) -> None:
        self.over = False
        self._path = path
        self._info = info
        self._topic = topic
        self._opened_at = self._looked_at = time.monotonic()
        self._came_at = time.time()
        self._welcomed = False
        self._records: Iterator[Began | Hole | list[bytes]] | None = None
        self._is_whole = False
        self._session = new_session(info.key, info.signature_scheme)
        self._held: list[Received] = []
        self._ids: dict[str, None] = {}
        """Of the messages that were read, in their order."""

    @property
    def due(self) -> float:
        """When to go on, an instant of `time.monotonic()`."""
        return 0.0 if self._records is not None else self._looked_at + LOOK

    def hurry(self) -> None:
        """Wait for nothing more: the kernel is gone, or nobody listens any longer."""
        self._opened_at = -math.inf

    def hold(self, received: list[Received]) -> None:
        """Keep what comes until the past is told."""
        for frames, message in received:
            if message["msg_type"] == "iopub_welcome":
                self._welcomed |= frames[0] == self._topic
            else:
                self._held.append((frames, message))

    def read(self) -> list[Past]:
        """Return the next part of the past; nothing while it is not known to be complete."""
        if self._records is None:
            self._looked_at = time.monotonic()
            if not self._is_due():
                return []
            self._records = read_recording(self._path)
        found: list[Past] = []
        for _ in range(TURN_RECORDS):
            try:
                record = next(self._records, None)
            except OSError as error:
                found.append(Hole(self._came_at, self._came_at, f"unreadable: {error.strerror}"))
                record = None
            if record is None:
                self.over = True
                return [*found, *self._last_hole(found)]
            found += self._decoded(record)
        return found

    def release(self) -> list[Received]:
        """Return what was held and is not in the recording."""
        return [each for each in self._held if each[1]["header"]["msg_id"] not in self._ids]

    def known_ids(self) -> frozenset[str]:
        """Return the ids of messages that may come once more."""
        return frozenset(list(self._ids)[-FRESH_IDS:])

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._opened_at
        if not self._welcomed:
            return waited >= WELCOME_TIME
        self._is_whole = self._is_recorded()
        return self._is_whole or waited >= RECORD_TIME

    def _is_recorded(self) -> bool:
        for path in (self._path, older_path(self._path)):
            try:
                if self._topic in path.read_bytes():
                    return True
            except OSError:
                continue
        return False

    def _decoded(self, record: Began | Hole | list[bytes]) -> list[Past]:
        if isinstance(record, Began):  # it may say again what the one before has said
            self._session = new_session(self._info.key, self._info.signature_scheme)
        if not isinstance(record, list):
            return [record]
        try:
            message = self._session.decode(record, sealed=OUTPUT_TYPES)
        except ProtocolError:
            return []
        if message["msg_type"] == "iopub_welcome":
            return []
        self._ids[message["header"]["msg_id"]] = None
        return [(record, message)]

    def _last_hole(self, found: list[Past]) -> list[Hole]:
        """Tell of a recorder that had ended before we came, which nothing in the file tells."""
        holes = [each for each in found if isinstance(each, Hole)]
        is_told = any(each.until > self._came_at - LATE for each in holes)
        if self._is_whole or is_told or not self._welcomed:
            return []
        try:
            since = self._path.stat().st_mtime
        except OSError:
            return []
        return [Hole(since, self._came_at, "nothing was recorded")]
