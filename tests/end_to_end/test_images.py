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
    terminal = Terminal.open(
        [sys.executable, "-m", "tests.end_to_end.picture_app", protocol],
        size=(100, 30),
        environment=os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        cwd=ROOT,
    )
    try:
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
        screen.wait_for("name-k1")
        screen.press("o")
        before = len(screen.raw)

        screen.press("enter")

        screen.wait_for(lambda: begins in screen.raw[before:])
        screen.press("escape")
        screen.wait_for("name-k1")
