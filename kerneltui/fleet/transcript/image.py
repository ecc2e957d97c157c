"""Picture: an image as a kernel sent it. Pure; measured here, decoded where it is shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from kerneltui.frozen import frozen

MAX_PICTURE = 4_000_000
"""Bytes of one picture that are kept: half of what a transcript may hold."""
_PNG = re.compile(rb"\x89PNG\r\n\x1a\n....IHDR(....)(....)", re.DOTALL)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a header that tells the size; the three others begin tables."""
_MAX_SEGMENTS = 1_000  # before that header; an image has a few dozen


@frozen
class Picture:
    """An image with a valid header; the rest is not checked."""

    mime_type: str
    data: bytes
    width: int
    """In pixels."""
    height: int

    @property
    def label(self) -> str:
        """The text in its place where it cannot be shown."""
        return f"<{self.mime_type}{shown_size(len(self.data))}, {self.width}x{self.height}>"

    @property
    def suffix(self) -> str:
        """The ending of a file name for it."""
        return _SUFFIXES[self.mime_type]


def find_picture(data: Mapping[str, object]) -> Picture | None:
    """Return the picture in a mime bundle; None if there is none that can be kept."""
    for mime_type, measure in _MEASURES.items():
        body = data.get(mime_type)
        if not isinstance(body, str) or len(body) > MAX_PICTURE * 4 // 3:
            continue
        try:
            content = base64.b64decode(body)
        except (binascii.Error, ValueError):
            continue
        if size := measure(content):
            return Picture(mime_type, content, *size)
    return None


def shown_size(size: int) -> str:
    """Return a number of bytes as ", 24 KB"; "" for 0."""
    if not size:
        return ""
    return f", {size:,} bytes" if size < 1000 else f", {round(size / 1000):,} KB"


def _png_size(data: bytes) -> tuple[int, int] | None:
    found = _PNG.match(data)
    return _size(found[1], found[2]) if found else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height, from the first frame header. Source: ITU-T T.81, annex B."""
    place = 2 if data.startswith(b"\xff\xd8\xff") else len(data)
    for _ in range(_MAX_SEGMENTS):
        if place + 9 > len(data) or data[place] != 0xFF:
            break
        if data[place + 1] in _JPEG_FRAMES:
            return _size(data[place + 7 : place + 9], data[place + 5 : place + 7])
        place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4]))
    return None


def _size(width: bytes, height: bytes) -> tuple[int, int] | None:
    size = int.from_bytes(width), int.from_bytes(height)
    return size if all(size) else None


_MEASURES = {"image/png": _png_size, "image/jpeg": _jpeg_size}
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
