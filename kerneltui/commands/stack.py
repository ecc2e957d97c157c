"""`kerneltui stack`: prints which line each thread of a kernel is at, or its variables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence

from kerneltui.commands.engine_words import NONE, EngineWords
from kerneltui.commands.engines import remote_kernel
from kerneltui.commands.listing import find
from kerneltui.commands.printing import Colours, ProgressLine, sgr
from kerneltui.commands.settings import read_settings
from kerneltui.commands.verbs import observing_fleet
from kerneltui.fleet.diagnosis.stack import Stack, StackThread, describe_fold, folded
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.fleet.engines.engine import Engine
from kerneltui.formats import aligned
from kerneltui.protocol.ansi import TextStyle
from kerneltui.tui.stack.variable_table import variable_table

INDENT = "  "
MAX_COLUMN = 40  # cells
_BOLD = TextStyle(bold=True)
_DIM = TextStyle(dim=True)

Line = tuple[str, TextStyle]


def stack(
    word: str, *, as_json: bool, variables: bool, read_only: bool, engines: EngineWords = NONE
) -> int:
    """Print one look at a kernel. `read_only`: send it no requests."""
    look = _variables if variables else _stack
    with remote_kernel(word, engines) as remote:
        if remote is not None:
            remote.lock(read_only or read_settings().read_only)
            remote.connect()
            with ProgressLine(f"looking into {remote.name}"), remote.asked() as engine:
                lines = look(engine, remote.kernel_id, as_json)
            _print(lines)
            return 0
    locked = read_only or read_settings().read_only
    with observing_fleet(listening=True, locked=locked) as fleet:
        kernel = find(fleet.snapshots, word)
        with ProgressLine(f"looking into {kernel.name}"):
            lines = look(fleet, kernel.kernel_id, as_json)
    _print(lines)
    return 0


def _stack(engine: Engine, kernel_id: str, as_json: bool) -> Iterable[Line]:
    found = engine.stack(kernel_id)
    return _json(found.to_json()) if as_json else stack_lines(found)


def _variables(engine: Engine, kernel_id: str, as_json: bool) -> Iterable[Line]:
    found = engine.variables(kernel_id)
    return _json([each.to_json() for each in found]) if as_json else variable_lines(found)


def _json(told: object) -> Iterator[Line]:
    yield json.dumps(told, indent=1), TextStyle()


def _print(lines: Iterable[Line]) -> None:
    has_colours = Colours.AUTO.hold_on(terminal=sys.stdout.isatty())
    for text, style in lines:
        begin = sgr(style) if has_colours else ""
        print(f"{begin}{text}\x1b[0m" if begin else text.rstrip())


def stack_lines(stack: Stack) -> Iterator[Line]:
    """Yield a stack as text: the user's frames with source lines, library frames folded."""
    yield f"by {stack.way}: {stack.touches}", _DIM
    yield from ((reason, _DIM) for reason in stack.reasons)
    for note in stack.notes:
        yield note, TextStyle()
    for thread in stack.threads:
        yield from _thread_lines(thread)


def _thread_lines(thread: StackThread) -> Iterator[Line]:
    own = [each for each in thread.frames if each.own]
    if thread.frames and not own:
        yield f"{thread.name}  {describe_fold(thread.frames)}", _DIM
        return
    yield f"{thread.name}  {thread.note}".rstrip(), TextStyle()
    lines = iter(aligned([(each.place, each.function, each.source) for each in own], MAX_COLUMN))
    for group in folded(thread.frames):
        if group[0].own:
            yield f"{INDENT}{next(lines)}", _BOLD
        else:
            yield f"{INDENT}{describe_fold(group)}", _DIM


def variable_lines(variables: Sequence[Variable]) -> Iterator[Line]:
    """Yield a table of variables under its titles."""
    titles, *lines = variable_table(variables)
    yield titles, _BOLD
    yield from ((line, TextStyle()) for line in lines)
