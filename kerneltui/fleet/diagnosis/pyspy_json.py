"""Parses what `py-spy dump --json` prints into threads. Pure; odd shapes are left out."""

from __future__ import annotations

import json

from kerneltui.fleet.diagnosis.stack import MAIN, Frame, StackThread, clean_frame, main_first
from kerneltui.protocol import fields
from kerneltui.protocol.text import clean_line

_ANY_LINE = range(1, 10_000_000)


def parse_pyspy(text: str, pid: int) -> tuple[StackThread, ...]:
    """Return the threads of the process `pid`, the main one first. Raises ValueError."""
    found = json.loads(text)
    threads = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return main_first(_thread(each) for each in threads if each.get("pid") == pid)


def _thread(found: fields.Fields) -> StackThread:
    ident = found.get("thread_id")
    is_main = found.get("os_thread_id") == found.get("pid")
    name = fields.text(found, "thread_name") or (MAIN if is_main else f"thread {ident}")
    frames = (each for each in fields.items(found, "frames") if isinstance(each, dict))
    return StackThread(
        name=clean_line(name),
        main=is_main,
        frames=tuple(_frame(each) for each in frames),
        ident=ident if isinstance(ident, int) else None,
    )


def _frame(found: fields.Fields) -> Frame:
    line = fields.whole(found, "line", within=_ANY_LINE) or None
    return clean_frame(Frame(fields.text(found, "filename"), line, fields.text(found, "name")))
