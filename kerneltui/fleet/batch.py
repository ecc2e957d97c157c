"""What is heard of one kernel in one turn, and what of it a transcript shows. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kerneltui.errors import MalformedMessage
from kerneltui.fleet.rendition import Block, rendition
from kerneltui.fleet.transcript import Role
from kerneltui.protocol.message import Message
from kerneltui.protocol.wire import content_of

OUTPUT_BUDGET = 256_000  # characters of output shown of one turn; a pane shows no more anyway
OUTPUT_COST = 100  # characters that any output counts for at the least
OUTPUT_TYPES = frozenset(
    ("stream", "display_data", "update_display_data", "execute_result", "error")
)

Frames = Sequence[bytes]
Received = tuple[Frames, Message]
"""A message of iopub, whose content may be sealed, and its frames."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a client of ours said or was told beside iopub, or a word of ours."""

    date: object
    """When it was sent, where that is a `datetime`."""
    blocks: Sequence[Block]
    due: float
    """When it is shown though iopub carries nothing later, an instant of `time.monotonic()`."""


def merge(received: Sequence[Received], told: deque[Told], now: float) -> list[Received | Told]:
    """Return what iopub carried with what is taken off `told`, each where it belongs.

    That is before the first message that was sent later, or at the end when it is due.
    The order of iopub stays, whatever its dates say.
    """
    merged: list[Received | Told] = []
    for each in received:
        while told and _is_earlier(told[0].date, each[1]["header"].get("date")):
            merged.append(told.popleft())
        merged.append(each)
    while told and told[0].due <= now:
        merged.append(told.popleft())
    return merged


def _is_earlier(date: object, other: object) -> bool:
    return isinstance(date, datetime) and isinstance(other, datetime) and date < other


def render(batch: Sequence[Received | Told]) -> list[Block]:
    """Return what is shown, oldest first: everything but the beginning of too much output.

    What is skipped is not even parsed; a note stands where it would end.
    """
    newest_first: list[Block] = []
    left, skipped, mark = OUTPUT_BUDGET, 0, 0
    for each in reversed(batch):
        if isinstance(each, Told):
            newest_first.extend(reversed(each.blocks))
            continue
        frames, message = each
        is_output = message["msg_type"] in OUTPUT_TYPES
        if is_output and left <= 0:
            mark = mark if skipped else len(newest_first)
            skipped += sum(map(len, frames))
            continue
        blocks = rendition(_opened(frames, message) if is_output else message)
        if is_output:
            left -= max(OUTPUT_COST, sum(len(text) for _, text in blocks))
        newest_first.extend(reversed(blocks))
    if skipped:
        newest_first.insert(mark, (Role.NOTE, f"… {skipped / 1000:,.0f} KB of output skipped"))
    return newest_first[::-1]


def _opened(frames: Frames, message: Message) -> Message:
    try:
        return {**message, "content": content_of(frames)}
    except MalformedMessage:
        return message
