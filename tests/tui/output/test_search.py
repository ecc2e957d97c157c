"""A search knows which lines match, and goes round."""

from __future__ import annotations

import pytest

from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.tui.output.search import OutputSearch


def searched(words: str, text: str = "alpha\nBeta\ngamma\nbeta alphabet\n") -> OutputSearch:
    transcript = Transcript()
    transcript.write(Role.STDOUT, text, time=0.0)
    search = OutputSearch(words)
    search.look(transcript.view())
    return search


@pytest.mark.parametrize(
    ("words", "numbers"),
    [("alpha", [0, 3]), ("beta", [1, 3]), ("Beta", [1]), ("a.p", []), ("a", [0, 1, 2, 3])],
)
def test_matching_lines_are_known(words: str, numbers: list[int]) -> None:
    assert searched(words).numbers == numbers


@pytest.mark.parametrize(
    ("number", "after", "before"), [(-1, 0, 3), (0, 3, 3), (1, 3, 0), (3, 0, 0), (9, 0, 3)]
)
def test_matches_are_gone_round(number: int, after: int, before: int) -> None:
    search = searched("alpha")

    assert (search.after(number), search.before(number)) == (after, before)


def test_where_nothing_matches_there_is_nowhere_to_go() -> None:
    search = searched("delta")

    assert (search.after(0), search.before(0)) == (None, None)


@pytest.mark.parametrize(("number", "told"), [(3, "2/2 alpha"), (1, "0/2 alpha")])
def test_the_place_among_the_matches_is_told(number: int, told: str) -> None:
    assert searched("alpha").told(number) == told


def test_every_place_in_a_line_is_found() -> None:
    transcript = Transcript()
    transcript.write(Role.STDOUT, "\x1b[31mab\x1b[0mab b", time=0.0)

    assert OutputSearch("b").places(transcript.view().line(0)[1]) == [(1, 2), (3, 4), (5, 6)]


def test_what_is_new_is_found_too() -> None:
    transcript = Transcript()
    search = OutputSearch("x")
    for _ in range(3):
        transcript.write(Role.STDOUT, "x\ny\n", time=0.0)
        search.look(transcript.view())

    assert search.numbers == [0, 2, 4]
