"""Ear: what is heard of one kernel on iopub: its status, its output, what it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import zmq

from kerneltui.errors import MalformedMessage, ProtocolError
from kerneltui.fleet.rendition import rendition
from kerneltui.fleet.transcript import Transcript
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.session import ClientSession, new_session
from kerneltui.kernels.sockets import Context, connect
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.status import Reported
from kerneltui.protocol.text import clean_line
from kerneltui.protocol.wire import content_of

OUTPUT_BUDGET = 256_000  # bytes of output shown of one turn; a pane shows no more anyway
OUTPUT_TYPES = frozenset(
    {
        *("stream", "display_data", "update_display_data", "execute_result", "error"),
    }
)
CODE_WIDTH = 200  # characters of the running code kept for a cell

Batch = list[tuple[Sequence[bytes], Message]]


@dataclass(frozen=True, slots=True)
class Heard:
    """What iopub tells of a kernel besides its status."""

    executions: int = 0
    code: str = ""
    """The code begun last, as one clean line."""
    last_activity: float | None = None
    """Instant of `time.monotonic()`."""
    refused: int = 0


class Ear:
    """One kernel's subscription. Used by the monitor's thread alone, but for `heard`."""

    def __init__(self, manager: KernelManager, transcript: Transcript) -> None:
        self.transcript = transcript
        self.heard = Heard()
        """Rebound, never changed: any thread may read it."""
        self.socket: zmq.Socket[bytes] | None = None
        self.told: list[Message] = []
        """What clients of ours sent or received beside iopub and `listen` has not taken in yet."""
        self._manager = manager
        self._session: ClientSession | None = None
        self._spawns = 0

    def open(self, context: Context) -> zmq.Socket[bytes]:
        """Subscribe to the kernel's present process and forget what the one before said."""
        info = self._manager.connection_info
        self._spawns = self._manager.spawns
        self._session = new_session(info.key, info.signature_scheme)
        self.socket = connect(context, info, Channel.IOPUB)
        self.heard = Heard()
        return self.socket

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close(linger=0)
            self.socket = None

    def listen(self) -> bool:
        """Take in all that is there; tell whether there was anything."""
        batch = self._drain()
        if self.told:
            batch = sorted([*batch, *(((), message) for message in self.told)], key=_said_at)
            self.told = []
        now = time.monotonic()
        shown_from, skipped = _within_budget(batch)
        for index, (frames, message) in enumerate(batch):
            if frames:
                self._note(message, now)
            if index == shown_from and skipped:
                self.transcript.note(f"… {skipped / 1e6:.1f} MB of output skipped", time=now)
            if frames and message["msg_type"] in OUTPUT_TYPES:
                if index < shown_from:
                    continue
                message = _opened(frames, message)
            for role, text in rendition(message):
                self.transcript.write(role, text, time=now)
        return bool(batch)

    def _drain(self) -> Batch:
        """Return what is there now, in order; what cannot be believed is only counted."""
        batch: Batch = []
        if self.socket is None or self._session is None:
            return batch
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
                batch.append((frames, self._session.decode(frames, sealed=OUTPUT_TYPES)))
            except zmq.Again:
                break
            except ProtocolError:
                continue
        refused = self._session.refused.total()
        if refused != self.heard.refused:
            self.heard = replace(self.heard, refused=refused)
        return batch

    def _note(self, message: Message, now: float) -> None:
        heard = replace(self.heard, last_activity=now)
        if message["msg_type"] == "execute_input":
            code = message["content"].get("code")
            if isinstance(code, str):
                heard = replace(
                    heard, executions=heard.executions + 1, code=clean_line(code, CODE_WIDTH)
                )
        elif message["msg_type"] == "status" and self._manager.spawns == self._spawns:
            self._manager.life.advance(_reported(message))
        self.heard = heard


def _within_budget(batch: Batch) -> tuple[int, int]:
    """Return the index from which on output is shown, and the bytes of output before it."""
    sizes = [
        sum(map(len, frames)) if message["msg_type"] in OUTPUT_TYPES else 0
        for frames, message in batch
    ]
    left = OUTPUT_BUDGET
    for index in range(len(sizes) - 1, -1, -1):
        left -= sizes[index]
        if left < 0:
            return index, sum(sizes[:index])
    return 0, 0


def _said_at(heard: tuple[Sequence[bytes], Message]) -> float:
    """Return when a message was sent; all its senders are on this host."""
    date = heard[1]["header"].get("date")
    return date.timestamp() if isinstance(date, datetime) else 0.0


def _opened(frames: Sequence[bytes], message: Message) -> Message:
    try:
        return {**message, "content": content_of(frames)}
    except MalformedMessage:
        return message


def _reported(message: Message) -> Reported:
    parent = message["parent_header"]
    subshell_id = parent.get("subshell_id")
    return Reported(
        execution_state=str(message["content"].get("execution_state")),
        parent_id=parent_id(message),
        parent_type=str(parent.get("msg_type")),
        subshell_id=None if subshell_id is None else str(subshell_id),
    )
