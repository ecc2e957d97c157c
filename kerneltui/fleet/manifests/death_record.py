"""Parses from a manifest why its kernel has ended, and what it was sent before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kerneltui.fleet.diagnosis.crash import MAX_FRAMES, Crash
from kerneltui.fleet.diagnosis.death import MAX_TEXTS, Death, MemoryAtEnd, Sent
from kerneltui.fleet.diagnosis.stack import Frame
from kerneltui.fleet.manifests import values
from kerneltui.kernels.processes.returncode import SIGNALS

MAX_SAMPLES = 100
_CODES = range(256)
_BYTES = range(1 << 63)

T = TypeVar("T")


def parse_sent(value: object) -> Sent | None:
    """Return what a kernel was sent last; None if nothing. Raises what `values` raises."""
    if value is None:
        return None
    data = values.fields(value)
    return Sent(_signal(data["signum"]), values.clean(data["by"]), values.instant(data["at"]))


def parse_death(value: object) -> Death | None:
    """Return why a kernel has ended; None if that is not noted. Raises what `values` raises."""
    if value is None:
        return None
    data = values.fields(value)
    return Death(
        at=_maybe(data["at"], values.instant),
        exit_code=_maybe(data["exit_code"], lambda code: values.number(code, _CODES)),
        signum=_signal(data["signum"]),
        sent=parse_sent(data["sent"]),
        is_at_start=data["is_at_start"] is True,
        argv=_lines(data["argv"]),
        code=values.clean(data["code"]),
        crash=_maybe(data["crash"], _crash),
        last_lines=_lines(data["last_lines"]),
        memory=_memory(values.fields(data["memory"])),
    )


def _crash(value: object) -> Crash:
    data = values.fields(value)
    return Crash(
        words=values.clean(data["words"]),
        signum=values.number(data["signum"], SIGNALS),
        place=values.clean(data["place"]),
        frames=tuple(map(_frame, _few(data["frames"], MAX_FRAMES))),
    )


def _frame(value: object) -> Frame:
    data = values.fields(value)
    line = values.number(data["line"], range(10**9))
    return Frame(values.clean(data["file"]), line, values.clean(data["function"]))


def _memory(data: dict[str, object]) -> MemoryAtEnd:
    samples = _few(data["samples"], MAX_SAMPLES)
    return MemoryAtEnd(
        samples=tuple(values.number(each, _BYTES) for each in samples),
        limit=_maybe(data["limit"], lambda limit: values.number(limit, _BYTES)),
        oom_kills=values.number(data["oom_kills"], _BYTES),
    )


def _signal(value: object) -> int | None:
    return _maybe(value, lambda signum: values.number(signum, SIGNALS))


def _maybe(value: object, read: Callable[[object], T]) -> T | None:
    return None if value is None else read(value)


def _lines(value: object) -> tuple[str, ...]:
    return tuple(map(values.clean, _few(value, MAX_TEXTS)))


def _few(value: object, most: int) -> list[object]:
    found = values.items(value)
    if len(found) > most:
        raise ValueError
    return found
