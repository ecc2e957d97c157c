"""Pictures reach a terminal by each of the protocols that there are."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Terminal

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def terminal(protocol: str) -> Iterator[Terminal]:
    """Yield a terminal with a small picture in the output pane: what is in sight can be opened."""
    terminal = Terminal.open(
        [sys.executable, "-m", "tests.end_to_end.picture_app", protocol],
        size=(100, 30),
        environment=os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        cwd=ROOT,
    )
    try:
        terminal.wait_for("name-k1")
        terminal.press("o")
        terminal.wait_for("▀")
        yield terminal
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("protocol", "begins"),
    [("kitty", b"\x1b_G"), ("sixel", b"\x1bP"), ("halfcell", "▀".encode())],
    ids=["kitty", "sixel", "halfcell"],
)
def test_a_picture_is_sent_as_the_terminal_wants_it(protocol: str, begins: bytes) -> None:
    with terminal(protocol) as screen:
        before = len(screen.raw)

        screen.press("enter")

        screen.wait_for(lambda: begins in screen.raw[before:])
        screen.press("escape")
        screen.wait_for("name-k1")


YES, NO = b"\x1b[?62;4c", b"\x1b[?62c"
QUESTIONS = {b"\x1b[c": "sixel", b"\x1b_Gi=": "kitty", b"\x1b[16t": "cell"}


@pytest.mark.parametrize(
    ("answers", "begins"),
    [
        ({"sixel": YES}, b"\x1bP"),
        ({"sixel": NO, "kitty": b"\x1b_Gi=1;OK\x1b\\"}, "\U0010eeee".encode()),
        ({"sixel": NO, "kitty": b"\x1b_Gi=1;ENOTSUPPORTED\x1b\\"}, "▀".encode()),
    ],
    ids=["sixel", "kitty", "half blocks"],
)
def test_a_terminal_is_asked_what_pictures_it_can_show(
    answers: dict[str, bytes], begins: bytes
) -> None:
    answers = {"cell": b"\x1b[6;20;10t", **answers}
    with terminal("auto") as screen:
        before = len(screen.raw)
        answered: set[str] = set()

        def shown() -> bool:
            said = screen.raw[before:]
            for question, subject in QUESTIONS.items():
                if question in said and subject not in answered:
                    answered.add(subject)
                    screen.type(answers[subject].decode())
            return begins in said

        screen.press("enter")

        screen.wait_for(shown)
