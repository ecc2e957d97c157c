"""Turns a batch of a kernel's messages into steps of its transcript. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from kerneltui.errors import MalformedMessage
from kerneltui.fleet.transcript.operations import Block, Clear, Step, Update
from kerneltui.fleet.transcript.rendering import rendition
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.frozen import frozen
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.raw_message import RawMessage

OUTPUT_BUDGET = 256_000  # characters of output shown of one batch; a pane does not show more
OUTPUT_COST = 100  # characters that each output counts as, at least
OUTPUT_TYPES = frozenset(
    ("stream", "display_data", "update_display_data", "execute_result", "error")
)
PRINTED = frozenset(("stream", "error"))
"""Types of output that no later message refers to once it is cleared."""

Received = tuple[RawMessage, Message]
"""An iopub message as it came, and as verified: there the content may not be parsed yet."""


@frozen
class SideMessage:
    """What our client sent or received on other channels than iopub, or a note of ours."""

    date: object
    """When it was sent, if it is a `datetime`; else that is not known."""
    steps: Sequence[Step]
    due: float
    """When to show it without a later message on iopub; an instant of `time.monotonic()`."""


def merge(
    received: Sequence[Received], told: deque[SideMessage], now: float
) -> list[Received | SideMessage]:
    """Return the iopub messages, with side messages that are taken from `told`, by date.

    A side message goes before the first iopub message that was sent later, or to the end when it
    is due. The iopub messages keep their order, whatever their dates say.
    """
    merged: list[Received | SideMessage] = []
    for each in received:
        while told and is_earlier(told[0].date, each[1]["header"].get("date")):
            merged.append(told.popleft())
        merged.append(each)
    while told and told[0].due <= now:
        merged.append(told.popleft())
    return merged


def is_earlier(date: object, other: object) -> bool:
    """Tell whether a message was sent before another; False if that is not known."""
    return isinstance(date, datetime) and isinstance(other, datetime) and date < other


def render(batch: Sequence[Received | SideMessage], skipped: int = 0) -> list[Step]:
    """Return the steps, oldest first; of too much output, only the latest part.

    Skipped output is not even parsed; a note stands where it would end. `skipped`: bytes of
    output that were left out before this batch.
    """
    digest = _Digest()
    for each in reversed(batch):
        if isinstance(each, SideMessage):
            digest.newest_first.extend(reversed(each.steps))
        else:
            digest.add(*each)
    return digest.steps(skipped)


class _Digest:
    """Gathers steps from the newest to the oldest, so that replaced output is never written."""

    def __init__(self) -> None:
        self.newest_first: list[Step] = []
        self._left = OUTPUT_BUDGET
        self._skipped = 0
        self._mark = 0
        self._updated: set[str] = set()
        """The displays that show something newer."""
        self._speaking: set[str] = set()
        """The cells that print something newer."""
        self._cleared: set[tuple[str, bool]] = set()
        """The cells that a newer message clears, and whether that clear waits."""

    def add(self, raw: RawMessage, message: Message) -> None:
        """Add the steps of a message that is older than those added before."""
        if message["msg_type"] == "clear_output":
            self._clear(message)
        elif message["msg_type"] not in OUTPUT_TYPES:
            self.newest_first.extend(reversed(rendition(message)))
        else:
            self._output(raw, message)

    def steps(self, skipped_before: int) -> list[Step]:
        if skipped := self._skipped + skipped_before:
            mark = f"… {skipped / 1000:,.0f} KB of output skipped"
            place = self._mark if self._skipped else len(self.newest_first)
            self.newest_first.insert(place, Block(Role.NOTE, mark))
        return self.newest_first[::-1]

    def _clear(self, message: Message) -> None:
        for step in rendition(message):
            if isinstance(step, Clear):
                wait = step.wait and step.parent not in self._speaking
                if not {(step.parent, False), (step.parent, wait)} & self._cleared:
                    self._cleared.add((step.parent, wait))
                    self.newest_first.append(Clear(step.parent, wait))

    def _output(self, raw: RawMessage, message: Message) -> None:
        parent, msg_type = parent_id(message), message["msg_type"]
        if msg_type != "update_display_data":
            self._speaking.add(parent)
        if msg_type in PRINTED and (parent, False) in self._cleared:
            return
        if self._left <= 0:
            self._mark = self._mark if self._skipped else len(self.newest_first)
            self._skipped += raw.size
            return
        steps = rendition(_opened(raw, message))
        shown = [step.block if isinstance(step, Update) else step for step in steps]
        size = sum(len(block.text) for block in shown if isinstance(block, Block))
        self._left -= max(OUTPUT_COST, size)
        self.newest_first.extend(step for step in reversed(steps) if not self._is_overtaken(step))

    def _is_overtaken(self, step: Step) -> bool:
        """Tell whether a newer update replaces the update `step`; remember its display."""
        if not isinstance(step, Update):
            return False
        known = len(self._updated)
        self._updated.add(step.block.display_id)
        return len(self._updated) == known


def _opened(raw: RawMessage, message: Message) -> Message:
    try:
        return {**message, "content": raw.content()}
    except MalformedMessage:
        return message
