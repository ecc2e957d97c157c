"""CellOutput: turns a cell's iopub messages into text for stdout and stderr. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from kerneltui.fleet.transcript.rendering import data_text
from kerneltui.protocol import fields
from kerneltui.protocol.message import Content

Stream = Literal["stdout", "stderr"]
_PARTS = re.compile(r"[^\n]*\n|[^\n]+")
"""The lines of a text, and the rest after the last newline."""


class Piece(NamedTuple):
    """Text for a stream; it may end without a newline."""

    stream: Stream
    text: str


class CellOutput:
    """Turns messages into text; a result or a traceback always begins on a new line."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()
        """Streams whose last line has not ended."""

    def of(self, msg_type: str, content: Content) -> tuple[Piece, ...]:
        """Return the text of an iopub message; () if it prints nothing."""
        match msg_type:
            case "stream":
                stream: Stream = "stderr" if content.get("name") == "stderr" else "stdout"
                return self._piece(stream, fields.text(content, "text"))
            case "execute_result" | "display_data":
                return self.lines("stdout", data_text(fields.mapping(content, "data")))
            case "error":
                return self.lines("stderr", told_error(content))
        return ()

    def lines(self, stream: Stream, text: str) -> tuple[Piece, ...]:
        """Return a text as whole lines that begin on a new line."""
        begin = "\n" if stream in self._open else ""
        return self._piece(stream, f"{begin}{text}\n")

    def _piece(self, stream: Stream, text: str) -> tuple[Piece, ...]:
        if not text:
            return ()
        (self._open.discard if text.endswith("\n") else self._open.add)(stream)
        return (Piece(stream, text),)


def told_error(content: Content) -> str:
    """Return the traceback; without one, the name and value of the error."""
    names = (fields.text(content, "ename"), fields.text(content, "evalue"))
    return "\n".join(fields.texts(content, "traceback")) or ": ".join(filter(None, names))


def last_lines(pieces: Iterable[Piece], count: int) -> list[Piece]:
    """Return the last `count` lines of what is printed."""
    parts = [piece._replace(text=part) for piece in pieces for part in _PARTS.findall(piece.text)]
    kept: list[Piece] = []
    lines, seen = 0, set[Stream]()
    for part in reversed(parts):
        lines += part.text.endswith("\n") or part.stream not in seen
        if lines > count:
            break
        seen.add(part.stream)
        kept.append(part)
    return kept[::-1]
