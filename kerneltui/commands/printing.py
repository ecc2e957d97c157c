"""Prints kernels' output: cleaned on a terminal, elsewhere as it is but without colours."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterable
from enum import StrEnum
from typing import Self, TextIO

from kerneltui import formats
from kerneltui.commands.cell_output import Piece, Stream
from kerneltui.kernels.processes.guarded_thread import GuardedThread
from kerneltui.protocol.ansi import Colour, TextStyle, WithoutColours
from kerneltui.protocol.text import Line, OutputDecoder, Span, clean_line, plain

PROGRESS_EVERY = 0.5  # seconds
USUAL_COLUMNS = 80  # of a terminal that does not tell them
_BEGIN_AGAIN = "\r\x1b[K"
_FLAGS = {"bold": 1, "dim": 2, "italic": 3, "underline": 4, "reverse": 7, "strike": 9}


class Colours(StrEnum):
    """When text keeps its colours."""

    AUTO = "auto"
    """On a terminal, unless NO_COLOR is set."""
    ALWAYS = "always"
    NEVER = "never"

    def hold_on(self, *, terminal: bool) -> bool:
        if self is Colours.AUTO:
            return terminal and "NO_COLOR" not in os.environ
        return self is Colours.ALWAYS


class Printer:
    """Prints one stream. On a terminal, a line that the kernel rewrites is replaced."""

    def __init__(self, stream: TextIO, colours: Colours = Colours.AUTO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._has_colours = colours.hold_on(terminal=self._is_terminal)
        self._decoder = OutputDecoder()
        self._without_colours = WithoutColours()
        self._open_line: Line = ()
        """The end of what is on the terminal, if that is not a whole line."""

    def write(self, text: str) -> None:
        if self._is_terminal:
            self._paint(text)
        else:
            self._stream.write(text if self._has_colours else self._without_colours.feed(text))
        self._stream.flush()

    def _paint(self, text: str) -> None:
        show = painted if self._has_colours else plain
        ended = self._decoder.feed(text)
        lines = [*ended, self._decoder.open_line]
        # Only what is new: a line that is written again may fill several rows of the screen.
        rest = what_follows(self._open_line, lines[0])
        begin = "" if rest is not None else _BEGIN_AGAIN
        first = lines[0] if rest is None else rest
        self._stream.write(begin + "\n".join(map(show, [first, *lines[1:]])))
        self._open_line = lines[-1]

    def forget_open_line(self) -> None:
        """Begin a new line: something else has ended the one on the terminal."""
        self._decoder.feed("\n")
        self._open_line = ()

    def close(self) -> None:
        """Write what was held back; on a terminal, end an open line."""
        if self._open_line:
            self.write("\n")
        self._stream.write(self._without_colours.end())
        self._stream.flush()


class OutputPrinter:
    """Prints the output of cells, each stream to its own: standard output or standard error."""

    def __init__(self, colours: Colours) -> None:
        self._printers: dict[Stream, Printer] = {
            "stdout": Printer(sys.stdout, colours),
            "stderr": Printer(sys.stderr, colours),
        }

    def print(self, pieces: Iterable[Piece]) -> None:
        for stream, text in pieces:
            self._printers[stream].write(text)

    def forget_open_lines(self) -> None:
        for printer in self._printers.values():
            printer.forget_open_line()

    def close(self) -> None:
        for printer in self._printers.values():
            printer.close()


def what_follows(beginning: Line, line: Line) -> Line | None:
    """Return what a line has after this beginning; None if it begins in another way."""
    left = list(line)
    for text, style in beginning:
        if not left or left[0].style != style or not left[0].text.startswith(text):
            return None
        rest = left[0].text[len(text) :]
        left[:1] = [Span(rest, style)] if rest else []
    return tuple(left)


def painted(line: Line) -> str:
    """Return a clean line with its colours as escape sequences of our own."""
    return "".join(f"{sgr(style)}{text}\x1b[0m" if sgr(style) else text for text, style in line)


def sgr(style: TextStyle) -> str:
    """Return the escape sequence that begins `style`; "" for the default style."""
    codes = [str(code) for flag, code in _FLAGS.items() if getattr(style, flag)]
    codes += _colour(style.fg, 38) + _colour(style.bg, 48)
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def _colour(colour: Colour | None, which: int) -> list[str]:
    if colour is None:
        return []
    if isinstance(colour, int):
        return [str(which), "5", str(colour)]
    return [str(which), "2", *map(str, colour)]


def columns_of(stream: TextIO) -> int | None:
    """Return the columns of a terminal; None if it does not tell them, or is another stream."""
    with contextlib.suppress(OSError):
        return os.get_terminal_size(stream.fileno()).columns or None
    return None


def warn(text: str) -> None:
    print(f"kerneltui: {clean_line(text, limit=500)}", file=sys.stderr)


class ProgressLine:
    """Shows on stderr, if that is a terminal, what a command waits for and for how long.

    Used as a context manager; a short wait shows nothing.
    """

    def __init__(self, what: str) -> None:
        self._what = clean_line(what)
        self._is_over = threading.Event()
        self._thread = GuardedThread(self._run, "progress")

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        begun = time.monotonic()
        while not self._is_over.wait(PROGRESS_EVERY):
            waited = f", {time.monotonic() - begun:.0f} s"
            columns = columns_of(sys.stderr) or USUAL_COLUMNS
            # One row at most: only one can be written again.
            what = formats.clip(self._what, columns - len(waited) - 1)
            sys.stderr.write(f"{_BEGIN_AGAIN}{what}{waited}")
            sys.stderr.flush()
        sys.stderr.write(_BEGIN_AGAIN)
        sys.stderr.flush()
