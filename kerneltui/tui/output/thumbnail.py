"""Small pictures between the lines, in half blocks: two pixels a cell, in any terminal.

Pillow, of the extra `images`, draws them; without it there are none.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from importlib.util import find_spec

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from kerneltui.fleet.transcript.image import Picture

MAX_WIDTH, MAX_HEIGHT = 64, 14
"""In cells: enough to recognise a plot, and other lines are still visible."""
MAX_PIXELS = 4_000_000
"""Of the source: so many are decoded within a frame. `ImageScreen` shows larger pictures."""
FORMATS = ("PNG", "JPEG")
"""No other decoder is tried, whatever a file claims to be."""
BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, IndexError)
"""What Pillow raises if the data is not a picture."""
HALF_BLOCK = "▀"


@functools.cache
def can_draw() -> bool:
    """Tell whether the extra `images` is installed."""
    return find_spec("PIL") is not None and find_spec("textual_image") is not None


def size_in_cells(picture: Picture, width: int) -> tuple[int, int]:
    """Return the columns and rows of a picture in a view of `width` cells; 0, 0 for none."""
    if not can_draw() or picture.width * picture.height > MAX_PIXELS:
        return 0, 0
    scale = min(1.0, min(MAX_WIDTH, width) / picture.width, 2 * MAX_HEIGHT / picture.height)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale / 2))


def draw(picture: Picture, columns: int, rows: int) -> list[Strip]:
    """Return the picture, a strip for each row; none if it cannot be decoded."""
    from PIL import Image  # of the extra `images`, and slow to load

    try:
        with Image.open(io.BytesIO(picture.data), formats=FORMATS) as image:
            small = image.convert("RGB").resize((columns, rows * 2))
    except (*BROKEN, Image.DecompressionBombError):
        return []
    pixels = small.tobytes()
    lines = [_pixels(pixels[y * columns * 3 : (y + 1) * columns * 3]) for y in range(rows * 2)]
    return [
        Strip(map(_cell, upper, lower), columns)
        for upper, lower in zip(lines[::2], lines[1::2], strict=True)
    ]


def _pixels(line: bytes) -> list[ColorTriplet]:
    return [ColorTriplet(*line[place : place + 3]) for place in range(0, len(line), 3)]


def _cell(upper: ColorTriplet, lower: ColorTriplet) -> Segment:
    style = Style(color=Color.from_triplet(upper), bgcolor=Color.from_triplet(lower))
    return Segment(HALF_BLOCK, style)
