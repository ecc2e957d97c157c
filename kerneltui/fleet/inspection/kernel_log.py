"""KernelLog: what a kernel's process wrote to stdout and stderr, and its lifecycle events.

The file is read when a user looks at it. An event remembers how long the file was at that time,
so that it is shown at the right place even if the file is read later.
"""

from __future__ import annotations

import codecs
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from kerneltui.errors import describe_exit
from kerneltui.fleet.model.masking import StreamMask
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.log_reader import LogReader
from kerneltui.private_file import open_private
from kerneltui.protocol.status import Event, Exited, Ordered, Spawned, Wanted
from kerneltui.protocol.text import clean_line
from kerneltui.words import clock, day_and_minute

READ_LIMIT = 256_000  # bytes read in one look; if there are more, only the end is read
MAX_EVENTS = 500  # that wait to be shown
EVENT_WIDTH = 500  # characters

_ORDERS = {Wanted.DOWN: "told to end", Wanted.RESTART: "told to restart"}


@frozen
class _Happening:
    text: str
    offset: int
    """Bytes that were in the file at that time."""


class KernelLog:
    """Events come in any thread; `look` is for short threads, as it reads the file."""

    def __init__(self, manager: KernelManager, clock: Callable[[], float] = time.time) -> None:
        self.transcript = Transcript()
        self._manager = manager
        self._clock = clock
        self._events: deque[_Happening] = deque(maxlen=MAX_EVENTS)
        self._wanted = Wanted.UP
        self._lock = Lock()  # the transcript is written by one thread at a time
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._mask = StreamMask(manager.session.key)
        self._reader = LogReader()

    def on_event(self, event: Event) -> None:
        """Take note of a lifecycle event, in the thread where it happens."""
        match event:
            case Spawned(adopted):
                self._wanted = Wanted.UP
                self._note_process(adopted=adopted)
            case Exited(returncode=int(returncode)):
                self.note(describe_exit(returncode))
            case Ordered(wanted=wanted, reason=reason) if reason or wanted is not self._wanted:
                self._wanted = wanted
                self.note(reason or _ORDERS.get(wanted, ""))

    def _note_process(self, *, adopted: bool) -> None:
        process, since = self._manager.process, self._manager.life.spawned_at
        if process is None:
            return
        if not adopted:
            self.note(f"started, pid {process.identity.pid}")
        elif not process.exited:
            age = time.monotonic() - since
            began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self._clock() - age))
            self.note(f"found running, pid {process.identity.pid}, since {began}")

    def note(self, text: str) -> None:
        """Add an event, at this time."""
        self._add(f"{clock(self._clock())}  {text}")

    def note_past(self, text: str, at: float | None) -> None:
        """Add an event of another time, in seconds since the epoch; None if unknown."""
        self._add(text if at is None else f"{_moment(at, self._clock())}  {text}")

    def _add(self, text: str) -> None:
        self._events.append(_Happening(clean_line(text, EVENT_WIDTH), self._file_size()))

    def look(self) -> Transcript:
        """Read what is new, and return the whole transcript."""
        with self._lock:
            fresh = self._read()
            while self._events:
                event = self._events.popleft()
                position = self._reader.position - len(fresh)  # of what is not written yet
                length = max(0, event.offset - position)
                self._write(fresh[:length])
                fresh = fresh[length:]
                self._say(event.text)
            self._write(fresh)
        return self.transcript

    # -- with the lock held ----

    def _read(self) -> bytes:
        """Return what is new in the file; too many bytes are skipped, with a note."""
        try:
            fd = open_private(self._path())
        except OSError:  # there is none, or it was removed with its kernel
            return b""
        try:
            fresh = self._reader.read(fd, READ_LIMIT)
        finally:
            os.close(fd)
        if fresh.is_cut:
            self._say("… the log was cut; something may be missing")
        if fresh.skipped:
            self._say(f"… {fresh.skipped:,} bytes skipped")
        if fresh.is_cut or fresh.skipped:
            self._mask.skip()
        return fresh.data

    def _write(self, data: bytes) -> None:
        self._mask.key = self._manager.session.key
        text = self._decoder.decode(self._mask.feed(data))
        self.transcript.write(Role.STDOUT, text, time=self._clock())

    def _say(self, text: str) -> None:
        self.transcript.note(text, time=self._clock())

    # -- in any thread ----

    def _path(self) -> Path:
        return LogFile.beside(self._manager.connection_file, self._manager.kernel_id).path

    def _file_size(self) -> int:
        try:
            return self._path().stat().st_size
        except OSError:
            return 0


def _moment(at: float, now: float) -> str:
    """Return the time of day, with the date if that is not today."""
    is_today = time.localtime(at)[:3] == time.localtime(now)[:3]
    return clock(at) if is_today else day_and_minute(at)
