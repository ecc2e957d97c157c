"""RawMessage: the frames of one message, split once and their header parsed once.

Rule: nothing read here is verified. `Session` verifies who has sent it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kerneltui.errors import MalformedMessage
from kerneltui.protocol import fields
from kerneltui.protocol.message import Content

DELIMITER = b"<IDS|MSG>"
SIGNED_PARTS = 4  # header, parent_header, metadata, content
MAX_DEPTH = 200  # of nested lists and objects: within it, a value can be written and walked again

Split = tuple[bytes, Sequence[bytes], Sequence[bytes]]
"""The signature, the four signed parts, and the buffers."""


class RawMessage:
    """The frames of one message."""

    __slots__ = ("_header", "_split", "frames")

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.frames = frames
        self._split: Split | None = None
        self._header: Content | None = None

    def split(self) -> Split:
        """Return signature, signed parts and buffers. Raises MalformedMessage."""
        if self._split is None:
            self._split = _split(self.frames)
        return self._split

    def header(self) -> Content:
        """Return the header: the same dict each time. Raises MalformedMessage."""
        if self._header is None:
            self._header = parse_object(self.split()[1][0])
        return self._header

    @property
    def msg_type(self) -> str:
        """The msg_type in the header; "" if there is none."""
        try:
            return fields.text(self.header(), "msg_type")
        except MalformedMessage:
            return ""

    @property
    def size(self) -> int:
        """Bytes of all frames."""
        return sum(map(len, self.frames))

    def content(self) -> Content:
        """Return the content, parsed at each call. Raises MalformedMessage."""
        return parse_object(self.split()[1][3])


def _split(
    frames: Sequence[bytes],
) -> tuple[bytes, Sequence[bytes], Sequence[bytes]]:
    """Return signature, the four signed parts, and buffers. Raises MalformedMessage."""
    try:
        first = frames.index(DELIMITER) + 2
    except ValueError:
        raise MalformedMessage(f"no delimiter among {len(frames)} frames") from None
    end = first + SIGNED_PARTS
    if len(frames) < end:
        raise MalformedMessage(
            f"{len(frames) - first + 1} frames after the delimiter"
            f" where {1 + SIGNED_PARTS} or more belong"
        )
    return frames[first - 1], frames[first:end], frames[end:]


_decoder = json.JSONDecoder()
# json.loads without guessing the encoding: twice as fast.
_scan_json = _decoder.raw_decode


def parse_object(part: bytes) -> Content:
    if part == b"{}":
        return {}
    text = part.decode("utf-8", "replace")
    try:
        value, end = _scan_json(text) if text.startswith("{") else (None, -1)
        if end != len(text):  # white space around it, or not an object at all
            value = _decoder.decode(text)
    except (ValueError, RecursionError):
        raise MalformedMessage(f"part of {len(part)} bytes is not JSON") from None
    if isinstance(value, dict):
        if part.count(b"[") + part.count(b"{") > MAX_DEPTH and _is_too_deep(value):
            raise MalformedMessage(f"part nests more than {MAX_DEPTH} deep")
        return value
    if value is None:  # how xeus kernels write an empty one
        return {}
    raise MalformedMessage(f"part is a JSON {type(value).__name__} where an object belongs")


def _is_too_deep(value: Content) -> bool:
    """Tell whether lists and objects nest more than MAX_DEPTH deep; level by level."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
