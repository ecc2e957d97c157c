"""The lines about a kernel's end: those for its log, and those below its output."""

from __future__ import annotations

from collections.abc import Iterator

from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.diagnosis.stack import Frame
from kerneltui.fleet.model.masking import mask_arguments

SHOWN_FRAMES = 5  # in the output; the log has all


def log_lines(death: Death) -> Iterator[str]:
    """Yield lines on an end, for the log, which has the kernel's own last lines already."""
    yield death.sentence
    if death.crash is not None and death.crash.is_in_what_ran and death.code:
        yield f"it ran: {death.code}"
    if death.memory.history:
        yield f"its memory, the latest last: {death.memory.history}"
    if death.argv and not death.is_ours:
        yield f"it was started by: {' '.join(mask_arguments(death.argv))}"


def output_lines(death: Death) -> Iterator[str]:
    """Yield the lines below a kernel's last output."""
    yield death.sentence
    yield from death.last_lines
    frames = death.crash.own_frames if death.crash is not None else ()
    yield from map(_described, frames[:SHOWN_FRAMES])
    if frames:
        yield "… the rest is in its log"


def _described(frame: Frame) -> str:
    return f'File "{frame.file}", line {frame.line}, in {frame.function}'
