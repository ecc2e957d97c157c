"""Runs inside a kernel: tells where each thread stands.

It is sent as text, and run by any Python from 3.8 on. Rules: no code of the user's runs (no
property, `__repr__` or `__len__` of a type that is not Python's own), no lock is taken, nothing
is kept, and what takes long ends by itself.
"""

from __future__ import annotations

import itertools
import json
import linecache
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

DEPTH = 150  # frames told of one thread, the innermost ones
THREADS = 200


def stacks() -> str:
    """Return all threads but this one, as JSON."""
    own = threading.get_ident()
    return _told([each for each in sys._current_frames().items() if each[0] != own])


def stacks_with_this() -> str:
    """Return all threads as JSON, this one as it stood before it ran this code."""
    frames: dict[int, FrameType | None] = dict(sys._current_frames())
    ours = calls(sys._getframe())
    before = next((each for each in ours if each.f_globals is not globals()), None)
    frames[threading.get_ident()] = before
    return _told(list(frames.items()))


def _told(found: list[tuple[int, Any]]) -> str:
    main = threading.main_thread().ident
    names = {
        ident: vars(each).get("_name") for ident, each in vars(threading)["_active"].copy().items()
    }
    found.sort(key=lambda each: each[0] != main)
    cells = _cells()
    return json.dumps(
        [
            {
                "name": str(names.get(ident) or ""),
                "ident": ident,
                "main": ident == main,
                "frames": [_frame(each, cells) for each in itertools.islice(calls(frame), DEPTH)],
            }
            for ident, frame in found[:THREADS]
        ]
    )


def calls(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _frame(frame: FrameType, cells: dict[str, int]) -> dict[str, Any]:
    code, line = frame.f_code, frame.f_lineno
    file = code.co_filename
    return {
        "file": file,
        "line": line,
        "function": getattr(code, "co_qualname", code.co_name),
        "source": _source(file, line) if file in cells else "",
        "cell": cells.get(file),
    }


def _source(file: str, line: int) -> str:
    """Return a line of a cell, whose code is not in a file; "" if it is not known."""
    entry = linecache.cache.get(file, ())
    lines = entry[2] if len(entry) == 4 else ()
    return lines[line - 1] if line and line <= len(lines) else ""


def _cells() -> dict[str, int]:
    """Return the number of each cell, by the file name that its code has."""
    found = getattr(getattr(shell_of(), "compile", None), "_filename_map", None)
    return dict(found) if type(found) is dict else {}


def shell_of() -> Any:
    module = sys.modules.get("IPython.core.interactiveshell")
    return getattr(getattr(module, "InteractiveShell", None), "_instance", None)
