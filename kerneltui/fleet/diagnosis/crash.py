"""Crash: a fatal error, as Python's faulthandler wrote it to the log. Pure.

Rule: the lines come from a log that the kernel and its children write; nothing here raises on them.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from kerneltui.fleet.diagnosis.cells import is_cell
from kerneltui.fleet.diagnosis.stack import Frame
from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

MAX_FRAMES = 20  # kept of a crash, the innermost first

_FATAL = re.compile(r"Fatal Python error: (.+)")
_FRAME = re.compile(r'File "(.+)", line (\d+) in (.+)')
_OF_A_DUMP = re.compile(
    r"Fatal Python error: |Python runtime state: |(Current thread|Thread) 0x|<[^<>]*>$"
    r'|File ".+", line \d+ in |Extension modules: |Current thread\'s C stack trace|Binary file '
    r"|\.\.\.$|File \".*…$"
)
_WORDS = {
    "Segmentation fault": (signal.SIGSEGV, "segmentation fault"),
    "Aborted": (signal.SIGABRT, "abort"),
    "Bus error": (signal.SIGBUS, "bus error"),
    "Floating point exception": (signal.SIGFPE, "floating point exception"),
    "Floating-point exception": (signal.SIGFPE, "floating point exception"),
    "Illegal instruction": (signal.SIGILL, "illegal instruction"),
}
FAULTS = {int(signum): words for signum, words in _WORDS.values()}
"""Words for the signals by which the system ends a faulty process."""

CellNumber = Callable[[str], int | None]
"""Returns the number of the cell that a file's name stands for; None if it is not a cell."""


@frozen
class Crash:
    """A fatal error of the interpreter."""

    words: str
    signum: int
    """The signal by which the process ends after it."""
    place: str
    """The innermost frame of the user's own code: "crash(), In [3]".

    "" if there is none, or the number of its cell is not known (yet).
    """
    frames: tuple[Frame, ...]
    """The frames of the thread that crashed, the innermost first."""

    @property
    def told(self) -> str:
        """What has happened and where, for a person."""
        own = _innermost_own(self.frames)
        place = self.place or (_place(own, None) if own is not None else "")
        if not place:
            return self.words
        return f"{self.words} in {place}" if "()" in place else f"{self.words}, {place}"

    @property
    def is_in_what_ran(self) -> bool:
        """All of the user's own frames are of one cell or one file."""
        return bool(self.place) and len({frame.file for frame in self.frames if frame.own}) < 2

    @property
    def own_frames(self) -> tuple[Frame, ...]:
        """The frames up to the user's outermost one; all of them if none is the user's."""
        own = [index for index, frame in enumerate(self.frames) if frame.own]
        return self.frames[: own[-1] + 1] if own else self.frames


def find_crash(lines: Sequence[str], cell_number: CellNumber) -> Crash | None:
    """Return the crash dump at the very end of a log's last `lines`; None if there is none.

    A child of the kernel may have crashed while the kernel went on: any text after a dump shows
    that it was not the kernel's end.
    """
    dump = lines[len(before_crash(lines)) :]
    if not dump or not all(map(_OF_A_DUMP.match, dump)):
        return None
    fatal = _FATAL.match(dump[0])
    assert fatal is not None, "the dump begins with it"
    told = fatal[1].strip().rstrip(".")
    signum, words = _WORDS.get(told, (signal.SIGABRT, told[:1].lower() + told[1:]))
    frames = _frames(dump)
    return Crash(clean_line(words), int(signum), place_of(frames, cell_number), frames[:MAX_FRAMES])


def without_dumps(lines: Sequence[str]) -> list[str]:
    """Return a log's lines without stack dumps, which are also written on request."""
    return [line for line in lines if not _OF_A_DUMP.match(line)]


def before_crash(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines before the last dump; all of them if there is none."""
    begins = [index for index, line in enumerate(lines) if _FATAL.match(line)]
    return lines[: begins[-1]] if begins else lines


def _frames(dump: Sequence[str]) -> tuple[Frame, ...]:
    """Return the frames of the thread that crashed: the current one, else the first."""
    starts = [index for index, line in enumerate(dump) if "most recent call first" in line]
    current = (index for index in starts if dump[index].startswith("Current thread"))
    begin = next(current, starts[0] if starts else len(dump))
    end = next((index for index in starts if index > begin), len(dump))
    found = (_FRAME.match(line) for line in dump[begin:end])
    return tuple(Frame(each[1], _line(each[2]), each[3]) for each in found if each)


def _line(digits: str) -> int:
    return int(digits[:9])


def place_of(frames: Sequence[Frame], cell_number: CellNumber) -> str:
    """Return where the user's own code stood, for a person.

    "" if no frame is the user's, or if it is in a cell whose number is not known.
    """
    own = _innermost_own(frames)
    if own is None:
        return ""
    number = cell_number(own.file) if is_cell(own.file) else None
    return "" if is_cell(own.file) and number is None else _place(own, number)


def _innermost_own(frames: Sequence[Frame]) -> Frame | None:
    return next((frame for frame in frames if frame.own), None)


def _place(own: Frame, cell: int | None) -> str:
    """Return where a frame stands. `cell`: the number of its cell; None if it is not known."""
    function = "" if own.function == "<module>" else f"{own.function}(), "
    if not is_cell(own.file):
        where = f"{PurePosixPath(own.file).name}:{own.line}"
    elif cell is None:
        where = f"line {own.line} of a cell"
    else:
        where = f"In [{cell}]" if function else f"In [{cell}] line {own.line}"
    return clean_line(f"{function}{where}")
