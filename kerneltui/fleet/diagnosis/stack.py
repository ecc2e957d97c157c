"""Stack: where each thread of a kernel stands, and how that was found out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from kerneltui.fleet.diagnosis.cells import is_cell
from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line
from kerneltui.words import counted

PATH_WIDTH = 400  # characters
NAME_WIDTH = 100
SOURCE_WIDTH = 300
MAIN = "MainThread"
"""Python's name for the thread that runs cells."""
STILL_TIME = 2.0  # seconds without a move after which that is told

_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/(?:python|pypy)[\d.]+/|\.zip/")
_TYPED = ("<stdin>", "<ipython-input-")


class Way(StrEnum):
    """How a stack is found out, the least disturbing way first."""

    SUBSHELL = "subshell"
    FAULTHANDLER = "faulthandler"
    DEBUGGER = "debugger"
    PYSPY = "py-spy"
    REMOTE_EXEC = "remote exec"
    SYSTEM = "system"


TOUCHES = {
    Way.SUBSHELL: "a thread in the kernel, which ends soon after; no name and no history",
    Way.FAULTHANDLER: "a signal that its threads catch; its log gets the stacks",
    Way.DEBUGGER: "its debugger is switched on for a moment; the code goes on",
    Way.PYSPY: "the process stands still for some milliseconds",
    Way.REMOTE_EXEC: "its code waits for some milliseconds; no name and no history",
    Way.SYSTEM: "nothing: what the system tells of its process",
}


@frozen
class Frame:
    """One call that is under way. Its texts are clean, as `protocol.text` makes them."""

    file: str
    line: int | None
    function: str
    source: str = ""
    """The text of the line; "" if it is not known."""
    cell: int | None = None
    """The number of the cell that it is in, n of "In [n]"; None for none or if unknown."""

    @property
    def own(self) -> bool:
        """It is the user's code: of a cell, or of a file that is not a library's."""
        return is_own(self.file)

    @property
    def place(self) -> str:
        """Where it stands, for a person: "In [4], line 2", "load.py, line 7"."""
        if self.cell is not None:
            where = f"In [{self.cell}]"
        elif is_cell(self.file):
            where = "a cell"
        else:
            where = self.file.rpartition("/")[2]
        return where if self.line is None else f"{where}, line {self.line}"


@frozen
class StackThread:
    """One thread of a kernel."""

    name: str
    main: bool
    frames: tuple[Frame, ...] = ()
    """The innermost first; () if the way tells none."""
    note: str = ""
    """What the system tells about it: "sleeps in futex_wait, 0 % CPU"."""
    ident: int | None = None
    """Python's identifier of it; None if the way does not tell."""

    @property
    def is_in_libraries(self) -> bool:
        """It is not the main thread, and none of its frames is the user's."""
        return bool(self.frames) and not self.main and not any(each.own for each in self.frames)

    @property
    def where(self) -> Frame | None:
        """The user's innermost frame; else the innermost one; None without frames."""
        return next((each for each in self.frames if each.own), next(iter(self.frames), None))


@frozen
class Refusal:
    """A way that did not work, and why."""

    way: Way
    why: str


@frozen
class Stack:
    """All threads of a kernel at one moment, the main thread first."""

    way: Way
    threads: tuple[StackThread, ...]
    refused: tuple[Refusal, ...] = ()
    """The less disturbing ways, which did not work."""
    notes: tuple[str, ...] = ()
    """Further facts: the state of the process, its children."""

    @property
    def touches(self) -> str:
        """What the look has left or disturbed in the kernel."""
        return TOUCHES[self.way]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why less disturbing ways did not work, a line for each reason."""
        ways: dict[str, list[str]] = {}
        for each in self.refused:
            ways.setdefault(each.why, []).append(each.way)
        return tuple(f"not by {', '.join(those)}: {why}" for why, those in ways.items())

    @property
    def main(self) -> StackThread | None:
        return next((each for each in self.threads if each.main), None)

    @property
    def where(self) -> Frame | None:
        """The frame that tells most about what the kernel does."""
        return self.main.where if self.main else None

    @property
    def summary(self) -> str:
        """Where the user's own code stands, as one line; "" if none is seen."""
        frame = self.where
        if frame is None or not frame.own:
            return ""
        return f"{frame.source or f'{frame.function}()'} · {frame.place}"

    def to_json(self) -> dict[str, Any]:
        """Return it as `kerneltui stack --json` prints it."""
        return {
            "method": self.way.value,
            "touches": self.touches,
            "threads": [_thread_json(each) for each in self.threads],
            "notes": list(self.notes),
            "refused": [{"method": each.way.value, "why": each.why} for each in self.refused],
        }


def _thread_json(thread: StackThread) -> dict[str, Any]:
    return {
        "name": thread.name,
        "main": thread.main,
        "note": thread.note,
        "frames": [_frame_json(each) for each in thread.frames],
    }


def _frame_json(frame: Frame) -> dict[str, Any]:
    return {
        "file": frame.file,
        "line": frame.line,
        "function": frame.function,
        "source": frame.source,
        "own": frame.own,
        "cell": frame.cell,
    }


def is_own(file: str) -> bool:
    """Tell whether a file is the user's: neither a library's nor made by one."""
    if file.startswith("<"):
        return file.startswith(_TYPED)
    return bool(file) and _LIBRARY.search(file) is None


def clean_frame(frame: Frame) -> Frame:
    """Return the frame with clean texts."""
    return replace(
        frame,
        file=clean_line(frame.file, PATH_WIDTH),
        function=clean_line(frame.function, NAME_WIDTH),
        source=clean_line(frame.source.strip(), SOURCE_WIDTH),
    )


def main_first(threads: Iterable[StackThread]) -> tuple[StackThread, ...]:
    """Return the threads: the main one first, then those with the user's code."""
    return tuple(
        sorted(threads, key=lambda each: (not each.main, not any(f.own for f in each.frames)))
    )


def folded(frames: Sequence[Frame]) -> tuple[tuple[Frame, ...], ...]:
    """Return the frames in groups: each user's frame alone, adjacent library frames together."""
    groups: list[tuple[Frame, ...]] = []
    for frame in frames:
        if groups and not frame.own and not groups[-1][0].own:
            groups[-1] += (frame,)
        else:
            groups.append((frame,))
    return tuple(groups)


def describe_fold(frames: Sequence[Frame]) -> str:
    """Return a line in place of library frames: how many, and where the innermost one is."""
    first = frames[0]
    return f"… {counted(len(frames), 'library frame')}: {first.function} ({first.place})"


@frozen
class Stillness:
    """Since when every look has found the main thread at the same place."""

    position: tuple[tuple[str, int | None, str], ...] = ()
    since: float = 0.0
    until: float = 0.0

    def after(self, stack: Stack, now: float) -> Stillness:
        """Return the stillness after a look at the instant `now`."""
        position = _position(stack)
        since = self.since if position and position == self.position else now
        return Stillness(position, since, now)

    def __str__(self) -> str:
        """Tell for how long it has not moved; "" below STILL_TIME, which may be chance."""
        seconds = self.until - self.since
        return f"has not moved for {seconds:.0f} s" if seconds >= STILL_TIME else ""


def _position(stack: Stack) -> tuple[tuple[str, int | None, str], ...]:
    frames = stack.main.frames if stack.main else ()
    return tuple((each.file, each.line, each.function) for each in frames)
