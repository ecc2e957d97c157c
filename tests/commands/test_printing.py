"""A terminal gets what has passed the gate, a pipe what was written."""

from __future__ import annotations

import io
import sys

import pytest

from kerneltui.commands import printing
from kerneltui.commands.printing import Printer, ProgressLine
from tests.support import eventually


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(stream: io.StringIO, *texts: str) -> str:
    printer = Printer(stream)
    for text in texts:
        printer.write(text)
    printer.end_line()
    return stream.getvalue()


def test_a_pipe_gets_everything_as_it_is() -> None:
    assert printed(io.StringIO(), "\x1b]0;title\x07", "a\r", "b") == "\x1b]0;title\x07a\rb"


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("a\n", "b\n"), "a\nb\n"),
        (("\x1b]0;title\x07x\n",), "x\n"),
        (("\x1b[31mred\x1b[0m plain\n",), "\x1b[38;5;1mred\x1b[0m plain\n"),
        (("1 %", "\r2 %", "\n"), "1 %\r\x1b[K2 %\r\x1b[K2 %\n"),
        (("no end",), "no end\r\x1b[Kno end\n"),
    ],
    ids=["lines", "controls", "colours", "a progress bar", "an open line"],
)
def test_a_terminal_gets_lines_that_have_passed_the_gate(
    texts: tuple[str, ...], shown: str
) -> None:
    assert printed(Terminal(), *texts) == shown


def test_a_long_wait_is_told_on_a_terminal_and_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "PROGRESS_EVERY", 0.01)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with ProgressLine("waiting for \x1b]0;title\x07etl"):
        eventually(lambda: "waiting for etl, 0 s" in terminal.getvalue())

    assert terminal.getvalue().endswith("\r\x1b[K")
    assert "title" not in terminal.getvalue()


def test_a_pipe_is_told_of_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    with ProgressLine("waiting") as progress:
        assert not progress._thread.is_alive()

    assert stream.getvalue() == ""
