"""Transcript: the bounded record of the input and output of one kernel.

One thread writes, any thread reads: a reader gets a `TranscriptView` that never changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Lock

from kerneltui.bounded import Bounded
from kerneltui.fleet.model.retention import USUAL, Limits
from kerneltui.fleet.transcript.entries import Chunk, Entry, RequestEnd, Role, TranscriptView
from kerneltui.fleet.transcript.image import Picture
from kerneltui.protocol.text import Line, OutputDecoder, Span

__all__ = [
    "CHUNK_LINES",
    "MAX_DISPLAYS",
    "MAX_MESSAGE",
    "Entry",
    "Role",
    "Transcript",
    "TranscriptView",
]

MAX_MESSAGE = 1_000_000
"""Characters kept of one message, its tail; they take a tenth of a second to decode."""
CHUNK_LINES = 256
CHUNK_BYTES = 256_000
CHUNK_TIME = 1.0
"""Seconds in which the lines of one entry came, so that its time is true for each."""
MAX_DISPLAYS = 1_000
"""Displays that are known by their id, the latest ones."""
MAX_ENDS = 100
"""Requests whose end is known, the latest ones."""
_ECHO = "\n"  # begins the display ids of echoes, and no other ids
MAX_WAITING = 64
"""Cells that may wait to be cleared with their next output."""


_STREAMS = (Role.STDOUT, Role.STDERR)
_OUTPUT = frozenset((*_STREAMS, Role.RESULT, Role.DISPLAY, Role.ERROR, Role.NOTE))
"""Roles that clear_output clears; a cell's only notes tell that output was skipped."""


def _ignore(_written: int) -> None:
    """Ignore growth: for a transcript that is not in a store."""


class Transcript:
    """The input and output of one kernel; the oldest lines go when there are too many.

    A stream's text continues the line before it until a text of another role comes. Any
    other text is a block of its own. If lines were dropped, a note tells how many; it takes
    the place of the last of them.
    """

    def __init__(self, grown: Callable[[int], None] = _ignore, limits: Limits = USUAL) -> None:
        self._grown = grown
        """Called with the bytes added, by the writing thread, without the lock."""
        self._limits = limits
        self._decoder = OutputDecoder()  # the writing thread's own
        self._lock = Lock()
        self._chunks: deque[Chunk] = deque()
        self._first = 0
        self._end = 0
        self._size = 0
        self._dropped_at = 0.0
        self._role = Role.NOTE
        self._parent = ""
        self._open: Line = ()
        self._open_time = 0.0
        self._displays: Bounded[str, int] = Bounded(MAX_DISPLAYS)
        """How often each display is shown: 0 if all of it was dropped or cleared."""
        self._waiting: deque[str] = deque(maxlen=MAX_WAITING)
        """The cells to clear with their next output."""
        self._ends: tuple[RequestEnd, ...] = ()
        self._is_open = False
        self._version = 0
        self._view: TranscriptView | None = TranscriptView()

    @property
    def size(self) -> int:
        """Roughly the bytes held."""
        return self._size

    # -- in the writing thread ----

    def note(self, text: str, *, time: float) -> None:
        """Add a remark of ours."""
        self.write(Role.NOTE, text, time=time)

    def end(self, request: RequestEnd) -> None:
        """Take note that a request is over, once all that it has said is written."""
        with self._lock:
            self._ends = (*self._ends, request)[-MAX_ENDS:]
            self._changed()

    def mark_open(self, is_open: bool) -> None:
        """Say whether a process is listened to, whose output may be written."""
        with self._lock:
            if is_open != self._is_open:
                self._is_open = is_open
                self._changed()

    def write(
        self,
        role: Role,
        text: str,
        *,
        time: float,
        parent: str = "",
        display_id: str = "",
        picture: Picture | None = None,
        is_echo: bool = False,
    ) -> None:
        """Add a text for `role`; it is raw, as the kernel sent it.

        `parent`: the msg_id of the request it belongs to. `display_id`: the id by which it can
        be updated. `picture`: the image that `text`, a single line then, is the label of.
        `is_echo`: it is removed when the next input of the same parent comes.
        """
        if role is Role.INPUT:
            self._withdraw(f"{_ECHO}{parent}")
            display_id = f"{_ECHO}{parent}" if is_echo else display_id
        skipped = _excess(text, self._limits.lines)
        if skipped:
            mark = f"… {skipped:,} characters skipped"
            self.write(Role.NOTE, mark, time=time, parent=parent)
            text = text[skipped:]
        if not text:
            return
        if parent in self._waiting and role in _OUTPUT:
            self._waiting.remove(parent)
            self.clear(parent, wait=False)
        continues = role in _STREAMS and (role, parent) == (self._role, self._parent)
        if not continues:
            self._decoder = OutputDecoder()
        lines, open_line = self._decode(text, may_stay_open=role in _STREAMS)
        with self._lock:
            before = self._size
            if not continues:
                self._close()
                self._role, self._parent = role, parent
            if display_id or picture:
                self._show(Chunk(role, time, parent, display_id), lines, picture)
            else:
                self._add(lines, open_line, time)
            written = self._size - before
            self._keep_limits()
        self._grown(written)

    def _decode(self, text: str, *, may_stay_open: bool) -> tuple[list[Line], Line]:
        """Return the lines that `text` ends, and the one that it leaves open; () for none."""
        lines, open_line = self._decoder.feed(text), self._decoder.open_line
        if may_stay_open or not open_line:
            return lines, open_line
        return [*lines, open_line], ()

    def update(
        self,
        display_id: str,
        text: str,
        *,
        time: float,
        parent: str = "",
        picture: Picture | None = None,
    ) -> None:
        """Replace the text of the display with this id, in each place that shows it.

        A display that is not shown any more stays away. An unknown one is written: it was
        first shown before we listened.
        """
        if display_id not in self._displays:
            self.write(
                Role.DISPLAY,
                text,
                time=time,
                parent=parent,
                display_id=display_id,
                picture=picture,
            )
            return
        skipped = _excess(text, self._limits.lines)
        mark = f"… {skipped:,} characters skipped\n" if skipped else ""
        lines = _lines_of(mark + text[skipped:])
        with self._lock:
            before = self._size
            for chunk in self._shown(display_id):
                if chunk.lines != lines or chunk.picture != picture:
                    self._end += len(lines) - len(chunk.lines)
                    self._size += chunk.put(lines, picture)
                    self._changed()
            written = self._size - before
            self._keep_limits()
        self._grown(written)

    def clear(self, parent: str, *, wait: bool) -> None:
        """Drop what the cell `parent` printed: now, or when it prints something else."""
        if wait:
            if parent not in self._waiting:
                self._waiting.append(parent)
            return
        with self._lock:
            self._drop_if(lambda chunk: chunk.parent == parent and chunk.role in _OUTPUT)
            if self._parent == parent and self._role in _OUTPUT:
                self._role, self._open = Role.NOTE, ()
                self._changed()

    def _withdraw(self, display_id: str) -> None:
        """Drop what is shown under an id."""
        if self._displays.get(display_id):
            with self._lock:
                self._drop_if(lambda chunk: chunk.display_id == display_id)

    def shrink(self, excess: int) -> int:
        """Drop the oldest lines, `excess` bytes or more if there are; return the bytes dropped."""
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

    def _drop_if(self, is_over: Callable[[Chunk], bool]) -> None:
        chunks, self._chunks = self._chunks, deque()
        for chunk in chunks:
            if is_over(chunk):
                self._end -= len(chunk.lines)
                self._forget(chunk)
                self._changed()
            else:
                self._chunks.append(chunk)

    def _close(self) -> None:
        """End the open line, as a text of another role follows. It looks as before."""
        ended = [self._open] if self._open else []
        self._open = ()
        self._append(ended, self._open_time)

    def _add(self, lines: Sequence[Line], open_line: Line, time: float) -> None:
        """Add `lines` and the line that is open after them."""
        if lines or open_line != self._open:
            self._changed()
        began = self._open_time if self._open else time
        self._open_time = time if lines else began
        self._open = open_line
        self._append(lines, began)

    def _append(self, lines: Sequence[Line], time: float) -> None:
        """Add whole lines, in chunks."""
        position = 0
        while position < len(lines):
            last = self._growing(time)
            if last is None:
                last = Chunk(self._role, time, self._parent)
                self._chunks.append(last)
            batch = tuple(lines[position : position + CHUNK_LINES - len(last.lines)])
            self._size += last.add(batch)
            self._end += len(batch)
            position += len(batch)

    def _growing(self, time: float) -> Chunk | None:
        """Return the last chunk if lines that come at `time` can still be added to it."""
        last = self._chunks[-1] if self._chunks else None
        if last is None or (last.role, last.parent) != (self._role, self._parent):
            return None
        is_whole = last.display_id or last.picture or last.size >= CHUNK_BYTES
        if is_whole or len(last.lines) >= CHUNK_LINES or time - last.time >= CHUNK_TIME:
            return None
        return last

    def _show(self, chunk: Chunk, lines: Sequence[Line], picture: Picture | None) -> None:
        """Add a chunk to which no lines are added later."""
        self._size += chunk.put(tuple(lines), picture)
        self._end += len(lines)
        self._chunks.append(chunk)
        if chunk.display_id:
            shown = self._displays.pop(chunk.display_id, 0)
            self._displays[chunk.display_id] = shown + 1
        self._changed()

    def _shown(self, display_id: str) -> Iterator[Chunk]:
        """Yield the chunks that show a display, the latest first: most have one, near the end."""
        left = self._displays[display_id]
        for chunk in reversed(self._chunks):
            if not left:
                break
            if chunk.display_id == display_id:
                left -= 1
                yield chunk

    def _forget(self, chunk: Chunk) -> None:
        """Take a dropped chunk out of the counts."""
        self._size -= chunk.size
        if self._displays.get(chunk.display_id):
            self._displays[chunk.display_id] -= 1

    def _keep_limits(self) -> None:
        self._drop_while(self._is_too_much)

    def _is_too_much(self) -> bool:
        held = self._end - self._first
        return held > self._limits.lines or self._size > self._limits.bytes

    def _drop_while(self, too_much: Callable[[], bool]) -> None:
        """Drop the oldest lines, chunk by chunk, but never the very last line."""
        while too_much() and self._chunks:
            if len(self._chunks) > 1:
                oldest = self._chunks.popleft()
                self._first += len(oldest.lines)
                self._dropped_at = oldest.time
                self._forget(oldest)
            elif not self._halve():
                break
            self._changed()

    def _halve(self) -> bool:
        """Drop the older half of the only chunk, and its picture; False if it is just one line."""
        only = self._chunks[0]
        count = len(only.lines) // 2
        had_picture = only.picture is not None
        self._first += count
        self._dropped_at = only.time
        self._size += only.put(only.lines[count:])
        return count > 0 or had_picture

    def _changed(self) -> None:
        self._version += 1
        self._view = None

    def _build_view(self) -> TranscriptView:
        entries = [*self._dropped_mark()]
        start = self._first
        for chunk in self._chunks:
            entries.append(chunk.entry(start))
            start += len(chunk.lines)
        if self._open:
            last = self._growing(self._open_time)
            lines, time = (last.lines, last.time) if last else ((), self._open_time)
            entries[len(entries) - (last is not None) :] = [
                Entry(start - len(lines), self._role, time, (*lines, self._open), self._parent)
            ]
            start += 1
        first = entries[0].start if entries else start
        return TranscriptView(
            tuple(entries), first, start, self._version, self._ends, self._is_open
        )

    def _dropped_mark(self) -> tuple[Entry, ...]:
        if not self._first:
            return ()
        mark = (Span(f"… {self._first:,} lines dropped"),)
        return (Entry(self._first - 1, Role.NOTE, self._dropped_at, (mark,)),)


def _lines_of(text: str) -> tuple[Line, ...]:
    """Return a block's lines, at least one; as in a file, a newline only ends a line."""
    decoder = OutputDecoder()
    ended = decoder.feed(text)
    return (*ended, decoder.open_line) if decoder.open_line or not ended else tuple(ended)


def _excess(text: str, lines: int) -> int:
    """Return how many characters to skip at the beginning of one message."""
    start = max(0, len(text) - MAX_MESSAGE)
    kept = lines - 1  # and the note that says so
    if text.count("\n", start) <= kept:
        return start
    head, *_ = text[start:].rsplit("\n", kept)
    return start + len(head) + 1
