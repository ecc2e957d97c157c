"""Makes PNG pictures without a library."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int]
PAPER, INK, BLUE, ORANGE = (250, 250, 250), (90, 90, 90), (31, 119, 180), (255, 127, 14)


def png(width: int, height: int, colour: Colour = (200, 30, 30)) -> bytes:
    """Return a picture of one colour."""
    return png_of([[colour] * width] * height)


def plot(width: int = 64, height: int = 24) -> bytes:
    """Return two curves that fall, between two axes: a loss, in training and in validation."""
    pixels = [[PAPER] * width for _ in range(height)]
    for x in range(1, width):
        fall = math.exp(-x / width * 3.5)
        pixels[round((height - 3) * (1 - 0.75 * fall - 0.2))][x] = ORANGE
        pixels[round((height - 3) * (1 - 0.95 * fall))][x] = BLUE
    for row in pixels:
        row[0] = INK
    pixels[-1] = [INK] * width
    return png_of(pixels)


def png_of(pixels: Sequence[Sequence[Colour]]) -> bytes:
    """Return a picture of these rows of pixels."""
    width, height = len(pixels[0]), len(pixels)
    rows = b"".join(b"\0" + b"".join(map(bytes, row)) for row in pixels)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks.items())


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_text(width: int, height: int) -> str:
    """Return a picture in base64, as messages carry it."""
    return base64.b64encode(png(width, height)).decode()
