"""What the tests of this floor put in a kernel's place."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import zmq

from kerneltui.fleet.transcript.transcript import Role, TranscriptView
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.process import ChildProcess
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import Content, Message
from kerneltui.protocol.status import Wanted
from kerneltui.protocol.text import plain
from kerneltui.protocol.wire import Session
from tests.support import PATIENCE

KEY = b"a key for tests"


class Kernel:
    """A manager of a kernel at `info` whose process does nothing but sleep."""

    def __init__(self, info: ConnectionInfo) -> None:
        self.manager = KernelManager()
        self.move(info)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        process = self.manager.life.process
        if process is not None and not process.exited:
            self.manager.life.order(Wanted.DOWN)
            self.die()

    def move(self, info: ConnectionInfo) -> None:
        """Have the next process serve at `info`."""
        self.manager.load_connection_info(info.to_dict())

    def spawn(self) -> None:
        popen = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        self.manager.life.begin(ChildProcess(popen), None)

    def die(self) -> None:
        process = self.manager.life.process
        assert process is not None
        process.send_signal(9)
        self.manager.life.record_exit(process)


class Voice:
    """A kernel's iopub in the hands of the test, which says when a listener has arrived."""

    def __init__(self, folder: Path) -> None:
        ports = {channel: number for number, channel in enumerate(Channel, start=1)}
        self.info = ConnectionInfo("ipc", str(folder / "voice"), ports, key=KEY)
        self.session = Session(KEY)
        self.cell = self.session.new_message("execute_request")
        """What all output answers to."""

    def __enter__(self) -> Self:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.sndhwm = 0
        self._socket.bind(self.info.endpoint(Channel.IOPUB))
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close(linger=0)
        self._context.term()

    def wait_for_listener(self) -> None:
        assert self._next_subscription() == b"\x01"

    def wait_until_unheard(self) -> None:
        assert self._next_subscription() == b"\x00"

    def _next_subscription(self) -> bytes:
        came = self._socket.poll(int(PATIENCE * 1000))
        assert came, f"nothing subscribed or unsubscribed within {PATIENCE:g} s"
        return self._socket.recv()

    def say(self, msg_type: str, content: Content, parent: Message | None = None) -> None:
        self.say_frames(self.frames(msg_type, content, parent))

    def frames(self, msg_type: str, content: Content, parent: Message | None = None) -> list[bytes]:
        message = self.session.new_message(msg_type, content, parent=parent)
        return self.session.encode(message, [msg_type.encode()])

    def say_frames(self, frames: Sequence[bytes]) -> None:
        self._socket.send_multipart(frames)

    def status(self, execution_state: str, request: Message) -> None:
        self.say("status", {"execution_state": execution_state}, request)

    def print(self, text: str) -> None:
        self.say("stream", {"name": "stdout", "text": text}, self.cell)


def shown(view: TranscriptView) -> list[tuple[Role, str]]:
    """Return the lines of a transcript."""
    return [(entry.role, plain(line)) for entry in view.entries for line in entry.lines]
