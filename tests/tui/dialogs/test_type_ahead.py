"""Letters find an entry of a list."""

from __future__ import annotations

import pytest

from kerneltui.tui.dialogs.type_ahead import PAUSE, TypeAhead

TEXTS = ("Bash", "Python 3 (ipykernel)", "Julia 1.10", "Python 3 (gpu)")


@pytest.mark.parametrize(
    ("typed", "place"), [("p", 1), ("ju", 2), ("GPU", 3), ("py", 1), ("a", 0), ("x", None)]
)
def test_letters_find_what_begins_with_them_or_has_them(typed: str, place: int | None) -> None:
    ahead = TypeAhead()

    assert [ahead.find(letter, 0.0, TEXTS) for letter in typed][-1] == place


def test_after_a_pause_another_word_begins() -> None:
    ahead = TypeAhead()
    ahead.find("p", 0.0, TEXTS)

    assert ahead.find("j", PAUSE, TEXTS) == 2
