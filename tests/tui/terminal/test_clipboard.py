"""What is copied fits the terminal's limits, and GNU screen lets it pass."""

from __future__ import annotations

import base64

import pytest

from kerneltui.tui.terminal.clipboard import MAX_ENCODED, copy_of


def body(sequence: str) -> str:
    return sequence.removeprefix("\x1b]52;c;").removesuffix("\x07")


def test_lines_are_sent_as_they_are_and_nothing_after_them() -> None:
    copy = copy_of(["one", "zwölf"], {})

    assert base64.b64decode(body(copy.sequence)).decode() == "one\nzwölf"
    assert copy.lines == 2


def test_of_too_many_lines_the_last_ones_are_sent() -> None:
    copy = copy_of([f"{number:0999}" for number in range(200)], {})

    sent = base64.b64decode(body(copy.sequence)).decode().splitlines()
    assert [int(line) for line in sent] == list(range(200 - copy.lines, 200))
    assert MAX_ENCODED - 2000 < len(body(copy.sequence)) <= MAX_ENCODED


def test_a_line_over_the_limit_is_not_cut_in_the_middle() -> None:
    assert copy_of(["x" * 60_000], {}).lines == 0


@pytest.mark.parametrize(
    ("environment", "wrapped"),
    [({}, False), ({"STY": "1.pts"}, True), ({"STY": "1.pts", "TMUX": "/tmp/tmux"}, False)],
    ids=["bare", "screen", "tmux in screen"],
)
def test_screen_is_told_to_pass_it_on(environment: dict[str, str], wrapped: bool) -> None:
    sequence = copy_of(["x"], environment).sequence

    assert sequence.startswith("\x1bP\x1b]52;") is wrapped
    assert sequence.endswith("\x1b\\") is wrapped
