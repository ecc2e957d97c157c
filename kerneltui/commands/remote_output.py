"""RemoteOutput: what is new in a transcript, as text for stdout and stderr. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kerneltui.commands.cell_output import Piece, Stream
from kerneltui.commands.printing import painted
from kerneltui.fleet.transcript.entries import Role, TranscriptView
from kerneltui.frozen import frozen
from kerneltui.protocol.text import Line, plain

_STREAMS: dict[Role, Stream] = {
    Role.STDOUT: "stdout",
    Role.RESULT: "stdout",
    Role.DISPLAY: "stdout",
    Role.PAGER: "stdout",
    Role.STDERR: "stderr",
    Role.ERROR: "stderr",
}
NOTHING = TranscriptView()
_LABEL = re.compile(r"Out\[[^\]]*\]: ")


@frozen
class Said:
    """A line of output."""

    number: int
    role: Role
    line: Line
    time: float
    """When it was said, in seconds since the epoch."""


def said_in(view: TranscriptView, parents: frozenset[str] | None = None) -> Iterator[Said]:
    """Yield the lines of output. `parents`: only those of these requests."""
    for entry in view.entries:
        if entry.role in _STREAMS and (parents is None or entry.parent in parents):
            for number, line in enumerate(entry.lines, entry.start):
                yield Said(number, entry.role, line, entry.time)


class RemoteOutput:
    """Follows a transcript. A line that changes after it was printed is printed again."""

    def __init__(self, after: TranscriptView = NOTHING) -> None:
        """`after`: what was printed already."""
        self._next = after.end
        self._printed: Line | None = None
        """The last line that was printed."""
        self._seen: Line | None = None
        """The line that was last at the latest look, and may still grow."""

    def read(self, lines: Sequence[Said], *, is_over: bool = False) -> Iterator[Piece]:
        """Yield what is to be printed now.

        `lines`: all lines that there are. The last one is held back while it grows, unless
        `is_over`.
        """
        for said in lines:
            is_last = said is lines[-1]
            grows = is_last and not is_over and said.line != self._seen
            is_changed = (
                self._printed is not None
                and said.number == self._next - 1
                and is_last
                and said.line != self._printed
            )
            if (said.number >= self._next or is_changed) and not grows:
                self._next, self._printed = said.number + 1, said.line
                yield piece(said)
        self._seen = lines[-1].line if lines else None


def piece(said: Said) -> Piece:
    """Return a line as text, colours included; a result without its number."""
    label = _LABEL.match(plain(said.line)) if said.role is Role.RESULT else None
    text = plain(said.line)[label.end() :] if label else painted(said.line)
    is_heading = label is not None and not text  # the result itself is below
    return Piece(_STREAMS[said.role], "" if is_heading else f"{text}\n")
