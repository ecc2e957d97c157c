"""The part of a transcript that the mouse has selected, by line and character. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.selection import Selection

from kerneltui.protocol.text import Line, plain

if TYPE_CHECKING:
    from kerneltui.fleet.transcript.transcript import TranscriptView


def selected_text(selection: Selection, view: TranscriptView) -> str:
    """Return the selected text of `view`. The selection has the transcript's line numbers."""
    first = max(view.first, selection.start.y if selection.start else view.first)
    last = min(view.end - 1, selection.end.y if selection.end else view.end)
    texts = []
    for number in range(first, last + 1):
        _, line = view.line(number)
        start, end = selected_part(selection, number, line) or (0, 0)
        texts.append(plain(line)[start:end])
    return "\n".join(texts)


def selected_part(selection: Selection | None, number: int, line: Line) -> tuple[int, int] | None:
    """Return the selected part of line `number`, from and up to a character; None if none is."""
    if selection is None or (span := selection.get_span(number)) is None:
        return None
    start, end = span
    return start, len(plain(line)) if end < 0 else end
