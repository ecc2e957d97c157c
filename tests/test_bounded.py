"""A mapping that forgets its oldest keys."""

from __future__ import annotations

from kerneltui.bounded import Bounded


def test_the_oldest_key_is_forgotten() -> None:
    known = Bounded[str, int](2)

    for number, key in enumerate("abc"):
        known[key] = number

    assert known == {"b": 1, "c": 2}


def test_a_key_that_is_set_again_keeps_its_age() -> None:
    known = Bounded[str, int](2)
    known["a"] = known["b"] = 1

    known["a"] = 2
    known["c"] = 3

    assert known == {"b": 1, "c": 3}
