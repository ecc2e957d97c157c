"""Parses what faulthandler writes at a signal: one thread's stack, or those of all. Pure.

A stack has a heading and one line for each frame, the innermost first. Of all threads, the
youngest comes first, so the last one is the main thread. Other writers share the file, so a line
that is not a frame is skipped.
"""

from __future__ import annotations

import re

from kerneltui.fleet.diagnosis.stack import MAIN, Frame, StackThread, clean_frame, main_first
from kerneltui.protocol.text import clean_line

_HEADING = re.compile(
    r"(?:Current t|T)hread 0x(?P<ident>[0-9a-f]+)(?: \[(?P<name>[^\]]*)\])?"
    r" \(most recent call first\):"
)
_OWN_HEADING = "Stack (most recent call first):"
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+|\?+) in (?P<function>.*)$')
_TOO_MANY = re.compile(r"^\.\.\.$", re.MULTILINE)  # threads: then the dump leaves out the main one
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4}))")


def parse_own(text: str) -> tuple[Frame, ...]:
    """Return the frames of the last stack in `text` that a thread wrote of itself."""
    _, _, lines = text.rpartition(_OWN_HEADING)
    return tuple(_frame(found) for line in lines.splitlines() if (found := _FRAME.match(line)))


def parse_all(text: str) -> tuple[StackThread, ...]:
    """Return the threads of the last dump in `text`, the main one first; () without any."""
    threads: list[tuple[re.Match[str], list[Frame]]] = []
    for line in text.splitlines():
        if heading := _HEADING.search(line):
            if any(known["ident"] == heading["ident"] for known, _ in threads):
                threads = []  # the dump of a further signal begins
            threads.append((heading, []))
        elif threads and (found := _FRAME.match(line)):
            threads[-1][1].append(_frame(found))
    last = None if _TOO_MANY.search(text) else len(threads) - 1
    return main_first(
        _thread(heading, frames, is_main=place == last)
        for place, (heading, frames) in enumerate(threads)
    )


def is_begun(text: str) -> bool:
    """Tell whether there is a heading of either kind."""
    return _OWN_HEADING in text or _HEADING.search(text) is not None


def _thread(heading: re.Match[str], frames: list[Frame], *, is_main: bool) -> StackThread:
    ident = int(heading["ident"], 16)
    name = MAIN if is_main else clean_line(heading["name"] or f"thread {ident:#x}")
    return StackThread(name, is_main, tuple(frames), ident=ident)


def _frame(found: re.Match[str]) -> Frame:
    line = int(found["line"]) if found["line"].isdigit() else None
    return clean_frame(Frame(_unescaped(found["file"]), line, _unescaped(found["function"])))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int("".join(filter(None, found.groups())), 16)), text)
