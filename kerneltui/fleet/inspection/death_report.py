"""What a kernel's log tells of its end, and what its output does."""

from __future__ import annotations

from collections.abc import Iterator

from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.diagnosis.stack import Frame
from kerneltui.fleet.model.masking import mask_arguments

SHOWN_FRAMES = 5  # in the output; the log has all


def log_lines(death: Death) -> Iterator[str]:
    """Yield what is known of an end, a line each; the kernel's own lines stand there anyway."""
    yield death.sentence
    if death.crash is not None and death.crash.is_in_what_ran and death.code:
        yield f"it ran: {death.code}"
    if death.memory.history:
        yield f"its memory, the latest last: {death.memory.history}"
    if death.argv and not death.is_ours:
        yield f"it was started by: {' '.join(mask_arguments(death.argv))}"


def output_lines(death: Death) -> Iterator[str]:
    """Yield what stands below a kernel's last words."""
    yield death.sentence
    yield from death.last_lines
    frames = death.crash.own_frames if death.crash is not None else ()
    yield from map(_described, frames[:SHOWN_FRAMES])
    if frames:
        yield "… the rest is in its log"


def _described(frame: Frame) -> str:
    return f'File "{frame.file}", line {frame.line}, in {frame.function}'
