"""The main states of the screen look as they did; `python -m tests.regenerate` draws them anew."""

from __future__ import annotations

import pytest

from tests.regenerate import SCENES, TEXTS, text_picture


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_looks_as_before(name: str) -> None:
    assert text_picture(name) == (TEXTS / f"{name}.txt").read_text("utf-8")


def test_no_picture_is_left_of_a_scene_that_is_gone() -> None:
    assert {path.stem for path in TEXTS.iterdir()} == set(SCENES)
