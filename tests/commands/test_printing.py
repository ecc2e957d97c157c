"""A terminal gets what has passed the gate, a pipe what was written."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import sys
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from kerneltui.commands import printing
from kerneltui.commands.printing import Colours, Printer, ProgressLine, columns_of
from tests.support import eventually


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def narrow_terminal(columns: int) -> Iterator[tuple[int, TextIO]]:
    """Give the two ends of a terminal; 0 columns: it does not know how many it has."""
    screen, descriptor = pty.openpty()
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as terminal:
            termios.tcsetwinsize(descriptor, (24, columns))
            yield screen, terminal
    finally:
        os.close(screen)


def printed(stream: io.StringIO, *texts: str, colours: Colours = Colours.AUTO) -> str:
    printer = Printer(stream, colours)
    for text in texts:
        printer.write(text)
    printer.close()
    return stream.getvalue()


def test_a_pipe_gets_everything_as_it_is() -> None:
    assert printed(io.StringIO(), "\x1b]0;title\x07", "a\r", "b") == "\x1b]0;title\x07a\rb"


RED = "\x1b[31mred\x1b[0m"


@pytest.mark.parametrize(
    ("stream", "colours", "no_color", "shown"),
    [
        (io.StringIO, "auto", False, "red"),
        (io.StringIO, "never", False, "red"),
        (io.StringIO, "always", False, RED),
        (io.StringIO, "always", True, RED),
        (Terminal, "auto", False, "\x1b[38;5;1mred\x1b[0m"),
        (Terminal, "auto", True, "red"),
        (Terminal, "never", False, "red"),
        (Terminal, "always", True, "\x1b[38;5;1mred\x1b[0m"),
    ],
)
def test_colours_go_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
    stream: type[io.StringIO],
    colours: str,
    no_color: bool,
    shown: str,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")

    assert printed(stream(), f"{RED}\n", colours=Colours(colours)) == f"{shown}\n"


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("a\x1b", "[3", "1mb", "\x1b[m"), "ab"),
        (("a\x1b[2Kb\x1b[1",), "a\x1b[2Kb\x1b[1"),
        (("\x9b1;38:2::1:2:3mx",), "x"),
    ],
    ids=["cut into pieces", "no colour", "in eight bits"],
)
def test_a_pipe_gets_colours_taken_out_and_nothing_else(texts: tuple[str, ...], shown: str) -> None:
    assert printed(io.StringIO(), *texts) == shown


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("a\n", "b\n"), "a\nb\n"),
        (("\x1b]0;title\x07x\n",), "x\n"),
        (("\x1b[31mred\x1b[0m plain\n",), "\x1b[38;5;1mred\x1b[0m plain\n"),
        (("1 %", "\r2 %", "\n"), "1 %\r\x1b[K2 %\n"),
        (("no end",), "no end\n"),
        ((".", ".", ".\n.", "."), "...\n..\n"),
        (("\x1b[31mr", "ed\x1b[0m", "."), "\x1b[38;5;1mr\x1b[0m\x1b[38;5;1med\x1b[0m.\n"),
        (("\x1b[31mr", "\r\x1b[32mred\n"), "\x1b[38;5;1mr\x1b[0m\r\x1b[K\x1b[38;5;2mred\x1b[0m\n"),
    ],
    ids=[
        *("lines", "controls", "colours", "a progress bar", "an open line"),
        *("a line in pieces", "colours in pieces", "another colour"),
    ],
)
def test_a_terminal_gets_lines_that_have_passed_the_gate(
    texts: tuple[str, ...], shown: str
) -> None:
    assert printed(Terminal(), *texts) == shown


def test_what_comes_after_a_question_begins_a_line_of_its_own() -> None:
    terminal = Terminal()
    printer = Printer(terminal)

    printer.write("Name: ")
    terminal.write("? bob\n")  # the prompt and its answer
    printer.forget_open_line()
    printer.write("hi bob\n")

    assert terminal.getvalue() == "Name: ? bob\nhi bob\n"


def test_a_long_wait_is_told_on_a_terminal_and_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "PROGRESS_EVERY", 0.01)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with ProgressLine("waiting for \x1b]0;title\x07etl"):
        eventually(lambda: "waiting for etl, 0 s" in terminal.getvalue())

    assert terminal.getvalue().endswith("\r\x1b[K")
    assert "title" not in terminal.getvalue()


@pytest.mark.parametrize("columns", [0, 30])
def test_the_line_of_a_wait_is_no_longer_than_the_terminal_is_wide(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(printing, "PROGRESS_EVERY", 0.01)
    with narrow_terminal(columns) as (screen, terminal):
        monkeypatch.setattr(sys, "stderr", terminal)

        with ProgressLine("waiting for " + "x" * 100):
            shown = os.read(screen, 1000).decode()

    line = shown.split("\r\x1b[K")[1]
    assert line.startswith("waiting for xxx")
    assert "x…, " in line
    assert len(line) == (columns or 80) - 1


def test_a_pipe_is_told_of_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    with ProgressLine("waiting") as progress:
        assert not progress._thread.is_alive()

    assert stream.getvalue() == ""


@pytest.mark.parametrize(("told", "columns"), [(30, 30), (0, None)])
def test_a_terminal_that_tells_no_columns_is_not_taken_for_one_without_any(
    told: int, columns: int | None
) -> None:
    with narrow_terminal(told) as (_screen, terminal):
        assert columns_of(terminal) == columns

    assert columns_of(io.StringIO()) is None
