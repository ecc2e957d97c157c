"""OutputCopy: a transcript of another host, as far as it was sent here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kerneltui.fleet.engines.ssh.codec import Fields, Unusable, decode, items, mapping, whole
from kerneltui.fleet.engines.ssh.codec import number as a_number
from kerneltui.fleet.model.retention import USUAL
from kerneltui.fleet.transcript.entries import Entry, RequestEnd, Role, TranscriptView
from kerneltui.fleet.transcript.image import MAX_PICTURE, Picture
from kerneltui.fleet.transcript.transcript import MAX_ENDS
from kerneltui.protocol.text import PLAIN, Line, Span, TextStyle, clean_lines

MAX_LINES = 2 * USUAL.lines
MAX_SIZE = 4 * USUAL.bytes  # characters, and bytes of pictures
MAX_NUMBER = 1 << 40  # of a line


class OutputCopy:
    """Written by the link's thread, read in any."""

    def __init__(self) -> None:
        self.looked_at = 0.0
        """When a front end has read it last; an instant of `time.monotonic()`."""
        self._view = TranscriptView(is_open=True)
        self._sizes: dict[int, int] = {}

    def view(self) -> TranscriptView:
        """Return what is there now: the same object as long as nothing changes."""
        self.looked_at = time.monotonic()
        return self._view

    def change(self, told: Fields) -> None:
        """Take in a change. Raises Unusable, and changes nothing then."""
        held = self._view.entries
        start, stop = map(whole, items(told.get("kept", [0, 0])))
        if not 0 <= start <= stop <= len(held):
            raise Unusable("a change of an output that is not there")
        head = list(map(_entry, items(told.get("head", []))))
        tail = list(map(_entry, items(told.get("tail", []))))
        if same := whole(told.get("same", 0)):
            if not tail or stop >= len(held) or not 0 < same <= len(held[stop].lines):
                raise Unusable("a change of lines that are not there")
            tail[0] = replace(tail[0], lines=(*held[stop].lines[:same], *tail[0].lines))
        first = whole(told.get("first", 0))
        if not 0 <= first < MAX_NUMBER:
            raise Unusable("a line has an impossible number")
        ends = decode(tuple[RequestEnd, ...], told.get("ends", []))
        is_open = decode(bool, told.get("open", False))
        self._show(first, [*head, *held[start:stop], *tail], ends, is_open=is_open)

    def _show(
        self, first: int, entries: Sequence[Entry], ended: tuple[RequestEnd, ...], *, is_open: bool
    ) -> None:
        numbered = tuple(_numbered(first, entries))
        sizes = {id(each): self._sizes.get(id(each)) or _size(each) for each in numbered}
        end = numbered[-1].start + len(numbered[-1].lines) if numbered else first
        if end - first > MAX_LINES or sum(sizes.values()) > MAX_SIZE:
            raise Unusable("an output is larger than agreed")
        self._sizes = sizes
        ends = (*self._view.ends, *ended)[-MAX_ENDS:]
        self._view = TranscriptView(numbered, first, end, self._view.version + 1, ends, is_open)


def _numbered(number: int, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield the entries, each beginning where the one before it ends."""
    for each in entries:
        if each.lines:
            yield each if each.start == number else replace(each, start=number)
            number += len(each.lines)


def _size(entry: Entry) -> int:
    pixels = len(entry.picture.data) if entry.picture else 0
    return pixels + sum(len(span.text) for line in entry.lines for span in line)


def _entry(told: object) -> Entry:
    values = mapping(told)
    return Entry(
        start=-1,
        role=decode(Role, values.get("role")),
        time=a_number(values.get("time")),
        lines=tuple(map(_line, items(values.get("lines")))),
        parent=decode(str, values.get("parent", "")),
        picture=_picture(values.get("picture")),
    )


def _line(told: object) -> Line:
    return tuple(filter(None, map(_span, items(told))))


def _span(told: object) -> Span | None:
    match told:
        case [str(text)]:
            style = PLAIN
        case [str(text), {**styled}]:
            style = decode(TextStyle, styled)
        case _:
            raise Unusable("a piece of a line has no text")
    if not text.isascii() or not text.isprintable():
        lines = clean_lines(text)
        text = "".join(span.text for span in lines[0]) if lines else ""
    return Span(text, style) if text else None


def _picture(told: object) -> Picture | None:
    if told is None:
        return None
    picture = decode(Picture, told)
    if len(picture.data) > MAX_PICTURE or not 0 < picture.width * picture.height < MAX_NUMBER:
        raise Unusable("a picture is larger than agreed")
    return picture
