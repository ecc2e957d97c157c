"""Counts are written as people read them."""

from __future__ import annotations

import pytest

from kerneltui.words import counted, lasting, more


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (counted(1, "kernel"), "1 kernel"),
        (counted(0, "kernel"), "0 kernels"),
        (counted(1_200, "kernel"), "1,200 kernels"),
        (counted(2, "process", "processes"), "2 processes"),
        (more(1_200, "lines"), "… 1,200 more lines"),
        (more(3), "… 3 more"),
    ],
)
def test_one_is_told_from_many(text: str, said: str) -> None:
    assert text == said


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1.0, "0 s"), (40.9, "40 s"), (60.0, "1 min"), (3599.0, "59 min"), (90_000.0, "1 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
