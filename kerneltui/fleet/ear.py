"""Ear: what is heard of one kernel on iopub: its status, its output, what it runs."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from dataclasses import dataclass, replace

import zmq

from kerneltui.errors import ProtocolError
from kerneltui.fleet.batch import OUTPUT_TYPES, Received, Told, merge, render
from kerneltui.fleet.message_log import MessageLog
from kerneltui.fleet.transcript import Transcript
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.session import ClientSession, new_session
from kerneltui.kernels.sockets import Context, connect
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.status import Reported
from kerneltui.protocol.text import clean_line

# What is taken in of one kernel in one turn at the most; the rest waits for the next turn
# in the socket, which loses nothing, so that one kernel's flood cannot silence the others.
TURN_MESSAGES = 5_000
TURN_BYTES = 8_000_000
NEVER = math.inf
CODE_WIDTH = 200  # characters of the running code kept for a cell


@dataclass(frozen=True, slots=True)
class Heard:
    """What iopub tells of a kernel besides its status."""

    executions: int = 0
    code: str = ""
    """The code begun last, as one clean line."""
    request: str = ""
    """The msg_id of the request to run it."""
    last_activity: float | None = None
    """Instant of `time.monotonic()`."""
    refused: int = 0


class Ear:
    """One kernel's subscription. Used by the monitor's thread alone, but for what says otherwise.

    Closed and opened again for each process: a socket that outlives its kernel would
    repeat the old one's words as the new one's.
    """

    def __init__(self, manager: KernelManager, transcript: Transcript) -> None:
        self.transcript = transcript
        self.messages = MessageLog(secret=manager.session.key)
        self.heard = Heard()
        """Rebound, never changed: any thread may read it."""
        self.socket: zmq.Socket[bytes] | None = None
        self._manager = manager
        self._session: ClientSession | None = None
        self._spawn = 0
        self._told: deque[Told] = deque()

    def tell(self, told: Told) -> None:
        """Add what was said beside iopub. In any thread."""
        self._told.append(told)

    @property
    def due(self) -> float:
        """When to listen though iopub is silent, an instant of `time.monotonic()`."""
        return self._told[0].due if self._told else NEVER

    def open(self, context: Context, info: ConnectionInfo, spawn: int) -> zmq.Socket[bytes]:
        """Subscribe to the kernel's process number `spawn`; the facts of the one before go."""
        self._spawn = spawn
        self._session = new_session(info.key, info.signature_scheme)
        self.socket = connect(context, info, Channel.IOPUB)
        self.heard = Heard()
        return self.socket

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close(linger=0)
            self.socket = None

    def listen(self) -> bool:
        """Take in what is there; tell whether there was anything."""
        now, before = time.monotonic(), self.heard
        received = self._receive()
        for _, message in received:
            self._note(message)
        self.messages.hear(received)
        if received:
            self.heard = replace(self.heard, last_activity=now)
        # What iopub answered to was told before, so it is looked at after iopub.
        batch = merge(received, self._told, now)
        for step in render(batch):
            step.apply(self.transcript, time.time())
        return bool(batch) or self.heard is not before

    def _receive(self) -> list[Received]:
        """Return what is there now, in order; what cannot be believed is only counted."""
        received: list[Received] = []
        if self.socket is None or self._session is None:
            return received
        before = self._session.refused.copy()
        count = size = 0
        while count < TURN_MESSAGES and size < TURN_BYTES and (frames := _frames(self.socket)):
            count += 1
            size += sum(map(len, frames))
            with contextlib.suppress(ProtocolError):
                received.append((frames, self._session.decode(frames, sealed=OUTPUT_TYPES)))
        if self._session.refused != before:
            self.messages.refuse(self._session.refused - before)
            self.heard = replace(self.heard, refused=self._session.refused.total())
        return received

    def _note(self, message: Message) -> None:
        if message["msg_type"] == "execute_input":
            self.heard = replace(self.heard, executions=self.heard.executions + 1)
            if message["parent_header"].get("subshell_id") is None:
                self._note_code(message)
        elif message["msg_type"] == "status":
            self._manager.life.advance(_reported(message), self._spawn)

    def _note_code(self, message: Message) -> None:
        code = message["content"].get("code")
        self.heard = replace(
            self.heard,
            code=clean_line(code, CODE_WIDTH) if isinstance(code, str) else "",
            request=parent_id(message),
        )


def _frames(socket: zmq.Socket[bytes]) -> list[bytes]:
    """Return the frames of the next message, none if there is no message."""
    try:
        return socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return []


def _reported(message: Message) -> Reported:
    parent = message["parent_header"]
    subshell_id = parent.get("subshell_id")
    return Reported(
        execution_state=_text(message["content"].get("execution_state")),
        parent_id=parent_id(message),
        parent_type=_text(parent.get("msg_type")),
        subshell_id=None if subshell_id is None else _text(subshell_id),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
