"""Transcript: the bounded record of what was said to and by one kernel, in immutable chunks.

One thread writes, any thread reads: a reader gets a `TranscriptView` that never changes.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from kerneltui.protocol.text import Line, OutputDecoder, Span

MAX_LINES = 20_000
"""Of one kernel: an hour of reading; a pane can still search all of it at a key press."""
MAX_BYTES = 8_000_000
"""Of one kernel, as held in memory: 20,000 lines of some 250 characters."""
MAX_TOTAL_BYTES = 64_000_000
"""Of all kernels: what a dashboard on a shared host may take for the past."""
MAX_MESSAGE = 1_000_000
"""Characters of one message: a tenth of a second to decode; of more, the tail is kept."""
CHUNK_LINES = 256
CHUNK_BYTES = 256_000
_SPAN_BYTES = 112  # a Span, its place in a line, and its share of the line


class Role(StrEnum):
    """Who says a line, or what it is."""

    INPUT = "input"
    STDOUT = "stdout"
    STDERR = "stderr"
    RESULT = "result"
    DISPLAY = "display"
    ERROR = "error"
    PAGER = "pager"
    PROMPT = "prompt"
    ANSWER = "answer"
    NOTE = "note"


_STREAMS = (Role.STDOUT, Role.STDERR)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept."""

    lines: int = MAX_LINES
    """Of one kernel."""
    bytes: int = MAX_BYTES
    """Of one kernel."""
    total_bytes: int = MAX_TOTAL_BYTES
    """Of all kernels."""


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Entry:
    """Consecutive lines of one role."""

    start: int
    """The number of its first line, counted since the transcript began; never given twice."""
    role: Role
    time: float
    """When its first line was said, an instant of `time.monotonic()`."""
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class TranscriptView:
    """A transcript at one moment."""

    entries: tuple[Entry, ...] = ()
    first: int = 0
    """The number of the first line there is."""
    end: int = 0
    """One past the number of the last."""
    version: int = 0
    """Another one if, and only if, anything is different."""

    def line(self, number: int) -> tuple[Role, Line]:
        """Return the line with this number and its role; IndexError where there is none."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        entry = self.entries[bisect_right(self.entries, number, key=_start) - 1]
        return entry.role, entry.lines[number - entry.start]


def _start(entry: Entry) -> int:
    return entry.start


def _ignore(_written: int) -> None:
    """What a transcript of no store tells of its growth."""


class Transcript:
    """What was said to and by one kernel; the oldest lines go when there are too many.

    A stream's text continues the line before it until another role speaks. Any other
    text is a block of its own. Where lines were dropped, a note says how many; it stands
    in the place of the last of them.
    """

    def __init__(self, grown: Callable[[int], None] = _ignore, limits: Limits = USUAL) -> None:
        self._grown = grown
        """Called with the bytes added, by the writing thread, without the lock."""
        self._limits = limits
        self._decoder = OutputDecoder()  # the writing thread's own
        self._lock = Lock()
        self._entries: deque[Entry] = deque()
        self._first = 0
        self._end = 0
        self._sizes: deque[int] = deque()  # bytes of each entry
        self._size = 0  # of all
        self._role = Role.NOTE
        self._open: Line = ()
        self._open_time = 0.0
        self._version = 0
        self._view: TranscriptView | None = TranscriptView()

    @property
    def size(self) -> int:
        """Bytes held, about."""
        return self._size

    # -- in the writing thread ----

    def note(self, text: str, *, time: float) -> None:
        """Add a remark of ours."""
        self.write(Role.NOTE, text, time=time)

    def write(self, role: Role, text: str, *, time: float) -> None:
        """Add what `role` says; raw text, as the kernel sent it."""
        skipped = _excess(text, self._limits.lines)
        if skipped:
            self.note(f"… {skipped:,} characters skipped", time=time)
            text = text[skipped:]
        if not text:
            return
        continues = role is self._role and role in _STREAMS
        if not continues:
            self._decoder = OutputDecoder()
        lines = self._decoder.feed(text)
        open_line = self._decoder.open_line
        if role not in _STREAMS and open_line:
            lines.append(open_line)
            open_line = ()
        with self._lock:
            closed = 0 if continues else self._close()
            written = closed + self._add(role, lines, open_line, time)
        self._grown(written)

    def shrink(self, excess: int) -> int:
        """Drop the oldest lines, of `excess` bytes or more if there are; return how many bytes."""
        with self._lock:
            before = self._size
            self._drop_while(lambda: before - self._size < excess)
            return before - self._size

    # -- in any thread ----

    def view(self) -> TranscriptView:
        """Return what is there now: the same object as long as nothing changes."""
        with self._lock:
            if self._view is None:
                self._view = self._build_view()
            return self._view

    # -- with the lock held ----

    def _close(self) -> int:
        """End the open line, for another role speaks; return its bytes. It looks as before."""
        ended = [self._open] if self._open else []
        self._open = ()
        return self._append(self._role, ended, self._open_time)

    def _add(self, role: Role, lines: Sequence[Line], open_line: Line, time: float) -> int:
        """Add `lines` and the line that is open after them; return the bytes."""
        if lines or open_line != self._open:
            self._changed()
        began = self._open_time if self._open else time
        self._open_time = time if lines else began
        self._role = role
        self._open = open_line
        written = self._append(role, lines, began)
        self._drop_while(self._is_too_much)
        return written

    def _is_too_much(self) -> bool:
        held = self._end - self._first
        return held > self._limits.lines or self._size > self._limits.bytes

    def _append(self, role: Role, lines: Sequence[Line], time: float) -> int:
        """Add whole lines, in chunks; return the bytes."""
        before = self._size
        position = 0
        while position < len(lines):
            last = self._growing(role) or self._begin(role, time)
            batch = tuple(lines[position : position + CHUNK_LINES - len(last.lines)])
            self._entries[-1] = Entry(last.start, role, last.time, last.lines + batch)
            size = _measure(batch)
            self._sizes[-1] += size
            self._size += size
            self._end += len(batch)
            position += len(batch)
        return self._size - before

    def _growing(self, role: Role) -> Entry | None:
        """Return the last entry if lines of `role` can still be added to it."""
        last = self._entries[-1] if self._entries else None
        if last is None or last.role is not role or self._sizes[-1] >= CHUNK_BYTES:
            return None
        return last if len(last.lines) < CHUNK_LINES else None

    def _begin(self, role: Role, time: float) -> Entry:
        self._entries.append(Entry(self._end, role, time, ()))
        self._sizes.append(0)
        return self._entries[-1]

    def _drop_while(self, too_much: Callable[[], bool]) -> None:
        """Drop the oldest lines, chunk by chunk, but never the very last line."""
        while too_much() and self._entries:
            if len(self._entries) > 1:
                oldest = self._entries.popleft()
                self._first = oldest.start + len(oldest.lines)
                self._size -= self._sizes.popleft()
            elif not self._halve():
                break
            self._changed()

    def _halve(self) -> bool:
        """Drop the older half of the only entry; False if it is one line."""
        only = self._entries[0]
        count = len(only.lines) // 2
        kept = only.lines[count:]
        self._entries[0] = Entry(only.start + count, only.role, only.time, kept)
        self._first = only.start + count
        self._size = self._sizes[0] = _measure(kept)
        return count > 0

    def _changed(self) -> None:
        self._version += 1
        self._view = None

    def _build_view(self) -> TranscriptView:
        entries = [*self._dropped_mark(), *self._entries]
        end = self._end
        if self._open:
            last = self._growing(self._role)
            if last is None:
                entries.append(Entry(end, self._role, self._open_time, (self._open,)))
            else:
                entries[-1] = Entry(last.start, last.role, last.time, (*last.lines, self._open))
            end += 1
        first = entries[0].start if entries else end
        return TranscriptView(tuple(entries), first, end, self._version)

    def _dropped_mark(self) -> tuple[Entry, ...]:
        if not self._first:
            return ()
        mark = (Span(f"… {self._first:,} lines dropped"),)
        return (Entry(self._first - 1, Role.NOTE, self._entries[0].time, (mark,)),)


def _excess(text: str, lines: int) -> int:
    """Return how many characters at the head of one message are not worth decoding."""
    start = max(0, len(text) - MAX_MESSAGE)
    kept = lines - 1  # and the note that says so
    if text.count("\n", start) <= kept:
        return start
    head, *_ = text[start:].rsplit("\n", kept)
    return start + len(head) + 1


def _measure(lines: Sequence[Line]) -> int:
    """Return the bytes that `lines` take in memory, about."""
    sizes = [sys.getsizeof(span.text) + _SPAN_BYTES for line in lines for span in line]
    return sum(sizes) + 8 * len(lines)


class TranscriptStore:
    """The transcripts of all kernels, which together stay under a limit."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self._limits = limits
        self._slack = limits.total_bytes // 64
        """Bytes written between two looks at the whole, and kept free for them."""
        self._lock = Lock()
        self._unchecked = 0
        self._transcripts: dict[str, Transcript] = {}

    def get(self, kernel_id: str) -> Transcript | None:
        return self._transcripts.get(kernel_id)

    def create(self, kernel_id: str) -> Transcript:
        """Return the kernel's transcript, a new one if it has none."""
        with self._lock:
            return self._transcripts.setdefault(kernel_id, Transcript(self._note_growth, self._limits))

    def drop(self, kernel_id: str) -> None:
        """Forget what this kernel said; one that is unknown is no error."""
        with self._lock:
            self._transcripts.pop(kernel_id, None)

    def _note_growth(self, written: int) -> None:
        with self._lock:
            self._unchecked += written
            if self._unchecked >= self._slack:
                self._unchecked = 0
                self._trim()

    def _trim(self) -> None:
        """Let the biggest forget, until there is room for what comes before the next look."""
        transcripts = self._transcripts.values()
        excess = sum(transcript.size for transcript in transcripts) - (self._limits.total_bytes - self._slack)
        while excess > 0:
            biggest = max(transcripts, key=lambda transcript: transcript.size)
            freed = biggest.shrink(min(excess, biggest.size // 8))
            if not freed:
                break  # each is down to its last line
            excess -= freed
