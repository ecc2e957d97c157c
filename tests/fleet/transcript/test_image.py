"""A picture is known by its head; what is none, or is too big, is not kept."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.transcript.image import MAX_PICTURE, Picture, find_picture, shown_size
from tests.pictures import png, png_text

JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc4\x00\x04ab\xff\xc0\x00\x11\x08\x01\xe0\x02\x80\x03"
)
"""A head: a table, then a frame of 640 x 480."""


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_png_is_found_with_its_size() -> None:
    assert find_picture({"image/png": png_text(640, 480)}) == Picture(
        "image/png", png(640, 480), 640, 480
    )


def test_a_jpeg_is_found_with_its_size() -> None:
    assert find_picture({"image/jpeg": encoded(JPEG)}) == Picture("image/jpeg", JPEG, 640, 480)


def test_lines_between_the_letters_do_no_harm() -> None:
    body = png_text(9, 9)

    assert find_picture({"image/png": f"{body[:8]}\n{body[8:]}\n"}) is not None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"text/plain": "x"},
        {"image/png": 7},
        {"image/png": ""},
        {"image/png": "no base64"},
        {"image/png": "\u00e9"},
        {"image/png": encoded(b"x" * 40)},
        {"image/png": encoded(JPEG)},
        {"image/png": encoded(png(1, 1)[:20])},
        {"image/png": png_text(0, 5)},
        {"image/jpeg": encoded(JPEG[:30])},
        {"image/jpeg": encoded(b"\xff\xd8\xff")},
        {"image/svg+xml": "<svg/>"},
    ],
    ids=repr,
)
def test_what_is_no_picture_is_not_found(data: dict[str, object]) -> None:
    assert find_picture(data) is None


def test_a_picture_over_the_limit_is_not_kept() -> None:
    assert find_picture({"image/png": encoded(png(9, 9) + bytes(MAX_PICTURE))}) is None


@given(st.binary(max_size=40))
def test_no_head_of_a_jpeg_breaks_the_search(rest: bytes) -> None:
    found = find_picture({"image/jpeg": encoded(b"\xff\xd8\xff" + rest)})

    assert found is None or found.width * found.height > 0


def test_the_label_tells_type_weight_and_size() -> None:
    assert Picture("image/png", bytes(24_321), 640, 480).label == "<image/png, 24 KB, 640x480>"


@pytest.mark.parametrize(("mime_type", "suffix"), [("image/png", ".png"), ("image/jpeg", ".jpg")])
def test_the_suffix_is_of_the_type(mime_type: str, suffix: str) -> None:
    assert Picture(mime_type, b"", 1, 1).suffix == suffix


@pytest.mark.parametrize(
    ("size", "shown"), [(0, ""), (7, ", 7 bytes"), (1000, ", 1 KB"), (2_345_678, ", 2,346 KB")]
)
def test_sizes_read_at_a_glance(size: int, shown: str) -> None:
    assert shown_size(size) == shown


def test_a_head_of_very_many_segments_is_not_read_to_its_end() -> None:
    segments = b"\xff\xfe\x00\x02" * 2_000

    assert find_picture({"image/jpeg": encoded(JPEG[:3] + segments[1:] + JPEG[20:])}) is None
    assert find_picture({"image/jpeg": encoded(JPEG[:2] + segments[:400] + JPEG[20:])}) is not None
