"""The rows of the Stack tab, and what Enter acts on in each. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from kerneltui.fleet.diagnosis.stack import describe_fold, folded
from kerneltui.formats import aligned
from kerneltui.frozen import frozen
from kerneltui.tui.widgets.row_pane import Row
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.stack import Frame, Stack, StackThread

MAX_COLUMN = 30  # cells of a place, and of a function


@frozen
class FrameRow:
    """A frame whose names can be shown."""

    thread: int | None
    depth: int
    """How many calls it is above the innermost one."""
    frame: Frame


@frozen
class FoldRow:
    """One row for library frames, or for threads, until the user unfolds it."""

    thread: str
    depth: int


REST = FoldRow("", 0)
"""The row for the threads that run none of the user's code."""

Meaning = FrameRow | FoldRow | None
"""What Enter acts on in a row; None for a row on which it does nothing."""
Meant = tuple[Row, Meaning]


def stack_rows(stack: Stack, unfolded: Collection[FoldRow], still: str) -> Iterator[Meant]:
    """Yield the rows of a stack. `still`: for how long the main thread has not moved."""
    for note in stack.notes:
        yield ((f" {note}", ""),), None
    own = [each for each in stack.threads if not each.is_in_libraries]
    rest = [each for each in stack.threads if each.is_in_libraries]
    for thread in own:
        yield from _thread_rows(thread, unfolded, still if thread.main else "")
    if rest:
        names = ", ".join(each.name for each in rest)
        yield ((f" … {counted(len(rest), 'thread')} in libraries: {names}", "muted"),), REST
    for thread in rest if REST in unfolded else ():
        yield from _thread_rows(thread, unfolded, "")
    for reason in stack.reasons:
        yield ((f" {reason}", "muted"),), None


def _thread_rows(thread: StackThread, unfolded: Collection[FoldRow], still: str) -> Iterator[Meant]:
    own = [each for each in thread.frames if each.own]
    places = iter(aligned([(each.place, each.function, "") for each in own], MAX_COLUMN))
    groups, depth = folded(thread.frames), 0
    is_short = len(groups) == 1 and not own
    if not is_short:
        yield (
            (
                (f" {thread.name}", "strong" if thread.main else ""),
                (f"  {thread.note}", "") if thread.note else ("", ""),
                (f"  {still}", "trouble") if still else ("", ""),
            ),
            None,
        )
    for group in groups:
        fold = FoldRow(thread.name, depth)
        if group[0].own:
            row = (f"   {next(places)}", ""), (group[0].source, "strong")
            yield row, FrameRow(thread.ident, depth, group[0])
        else:
            name = f" {thread.name} " if is_short else "  "
            part = "" if is_short and thread.main else "muted"
            yield ((f"{name} {describe_fold(group)}", part),), fold
            if fold in unfolded:
                yield from _library_rows(thread, group, depth)
        depth += len(group)


def _library_rows(thread: StackThread, frames: Sequence[Frame], depth: int) -> Iterator[Meant]:
    for place, frame in enumerate(frames, start=depth):
        text = f"     {frame.function}  {frame.file}:{frame.line}  {frame.source}"
        yield ((text, "muted"),), FrameRow(thread.ident, place, frame)
