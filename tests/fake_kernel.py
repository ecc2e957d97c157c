"""FakeKernel: a thread that answers as ipykernel 7 does, or as badly as a test wants.

Rule: it imports only what such a kernel needs, because it also runs as a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import zmq

from kerneltui.errors import InvalidSignature
from kerneltui.protocol.connection import Channel, ConnectionInfo, parse_connection_file
from kerneltui.protocol.message import Content, Message
from kerneltui.protocol.wire import Session
from tests.support import PATIENCE

KEY = b"a key for tests"
FEATURES = ["debugger", "kernel subshells"]
LINGER = 100  # milliseconds

T = TypeVar("T")

REPLIES: dict[str, Content] = {
    "kernel_info_request": {
        "protocol_version": "5.5",
        "implementation": "fake",
        "implementation_version": "1.0",
        "language_info": {"name": "fake"},
        "banner": "",
        "supported_features": FEATURES,
    },
    "complete_request": {"matches": ["print"], "cursor_start": 0, "cursor_end": 2, "metadata": {}},
    "inspect_request": {"found": True, "data": {"text/plain": "a fake"}, "metadata": {}},
    "history_request": {"history": [[1, 1, "1 + 1"]]},
    "is_complete_request": {"status": "complete"},
    "comm_info_request": {"comms": {}},
    "usage_request": {"hostname": os.uname().nodename, "pid": os.getpid()},
    "create_subshell_request": {"subshell_id": "s-1"},
    "delete_subshell_request": {},
    "list_subshell_request": {"subshell_id": ["s-1"]},
    "shutdown_request": {"restart": False},
    "interrupt_request": {},
    "debug_request": {"type": "response", "success": True},
}
_SOCKETS = {
    Channel.SHELL: zmq.ROUTER,
    Channel.CONTROL: zmq.ROUTER,
    Channel.STDIN: zmq.ROUTER,
    Channel.IOPUB: zmq.XPUB,
    Channel.HB: zmq.REP,
}


@dataclass(frozen=True)
class Ask:
    """A step of a scripted cell: ask the client for input, and print the answer."""

    prompt: str = ""
    password: bool = False


Output = tuple[str, Content]


def file_in(folder: Path) -> Path:
    """Write the connection file of a fake kernel whose sockets are in `folder`."""
    ports = {channel: number for number, channel in enumerate(Channel, start=1)}
    file = folder / "kernel-fake.json"
    info = ConnectionInfo("ipc", str(folder / "fake"), ports, key=KEY)
    file.write_text(info.to_json(), encoding="utf-8")
    return file


class FakeKernel:
    """The sockets of a connection file, served by one thread.

    By default it sends iopub_welcome for each new topic, and for each request busy, the reply
    in `replies`, and idle. `cells` scripts executions: outputs and questions by code.
    Every public method may be called from the test's thread.
    """

    def __init__(self, connection_file: Path, *, welcomes: bool = True) -> None:
        """`connection_file`: must exist; it is removed at the end."""
        self.connection_file = str(connection_file)
        self.info = parse_connection_file(connection_file.read_bytes(), self.connection_file)
        self.offered = self.info
        """Where clients connect: to the kernel itself, or to a relay of it."""
        self.replies = {**REPLIES}
        self.cells: dict[str, Sequence[Output | Ask]] = {}
        self.runs: Callable[[str], object] = lambda _code: None
        """Called with the code of each cell, after what `cells` has for it."""
        self.welcomes = welcomes
        self.publishes = True
        self.publishes_status = True
        self.silent: frozenset[Channel] = frozenset()
        """Channels on which it receives requests, and does nothing for them."""
        self.beats = True
        self.session = Session(self.info.key)
        self.cell = self.session.new_message("execute_request")
        """The request that is the parent of what `print` publishes."""
        self.requests: list[Message] = []
        self.topics: list[bytes] = []
        """Topics that clients have subscribed to."""
        self.holding: set[str] = set()
        """Types of requests that are held, not answered."""
        self._held: list[tuple[Channel, list[bytes], Message]] = []
        self._subscriptions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_reader, self._wake_writer = os.pipe()
        self._arrived = threading.Condition()
        self._answers: list[str] = []
        self._client: list[bytes] = []
        self._running = True
        self._executions = 0
        self._context = zmq.Context()
        self._sockets: dict[Channel, zmq.Socket[bytes]] = {}
        self._thread = threading.Thread(target=self._serve, name="fake-kernel", daemon=True)

    # -- called by the test ----

    def __enter__(self) -> Self:
        for channel, kind in _SOCKETS.items():
            self._sockets[channel] = socket = self._context.socket(kind)
            socket.linger = LINGER
            socket.sndhwm = 0  # no message of a flood is dropped
            if kind is zmq.ROUTER:  # as ipykernel: a client may take over another's identity
                socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
            if channel is Channel.STDIN:  # unlike real kernels, it may ask before clients connect
                socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
            socket.bind(self.info.endpoint(channel))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave()
        os.close(self._wake_reader)
        os.close(self._wake_writer)
        Path(self.connection_file).unlink()

    def leave(self) -> None:
        """Answer what has been received, and close the sockets once that is sent."""
        self._post(self._stop)
        self._thread.join()
        for socket in self._sockets.values():
            socket.close()
        self._context.term()

    def types(self) -> list[str]:
        """Return the types of all requests received so far."""
        return [each["msg_type"] for each in self.requests]

    def wait_for(self, msg_type: str, *, count: int = 1, within: float = PATIENCE) -> Message:
        """Return the request of this type that was received as number `count`."""

        def found() -> list[Message]:
            return [each for each in self.requests if each["msg_type"] == msg_type]

        with self._arrived:
            came = self._arrived.wait_for(lambda: len(found()) >= count, within)
            assert came, f"{len(found())} of {count} {msg_type} within {within:g} s"
            return found()[count - 1]

    def hold(self, *msg_types: str) -> None:
        """Receive requests of these types, and answer them only on `release`."""
        self._call(lambda: self.holding.update(msg_types))

    def release(self) -> None:
        """Answer the requests that are held, oldest first, and hold no further ones."""
        self._call(self._release)

    def wait_for_listener(self) -> None:
        """Wait for a subscription to all topics. Each subscription counts for one call only."""
        assert self._subscriptions.get(timeout=PATIENCE) == b"\x01"

    def wait_until_unheard(self) -> None:
        assert self._subscriptions.get(timeout=PATIENCE) == b"\x00"

    def publish(self, msg_type: str, content: Content, parent: Message | None = None) -> Message:
        """Publish a message on iopub, and return it."""
        message = self.session.new_message(msg_type, content, parent=parent)
        self.publish_frames(self._encode(message))
        return message

    def frames(self, msg_type: str, content: Content, parent: Message | None = None) -> list[bytes]:
        """Return the frames that `publish` would send."""
        return self._encode(self.session.new_message(msg_type, content, parent=parent))

    def _encode(self, message: Message) -> list[bytes]:
        return self.session.encode(message, [f"fake.{message['msg_type']}".encode()])

    def status(self, execution_state: str, request: Message) -> None:
        self.publish("status", {"execution_state": execution_state}, request)

    def print(self, text: str) -> None:
        self.publish("stream", {"name": "stdout", "text": text}, self.cell)

    def publish_later(self, msg_type: str, content: Content) -> None:
        """Publish a message on iopub soon. It does not wait: a signal handler may call it."""
        frames = self.frames(msg_type, content)

        def send() -> None:
            self._sockets[Channel.IOPUB].send_multipart(frames)

        self._post(send)

    def publish_frames(self, frames: Sequence[bytes]) -> None:
        self._call(lambda: self._sockets[Channel.IOPUB].send_multipart(frames))

    def reply(self, msg_type: str, content: Content, parent: Message) -> None:
        """Send a message on shell to the client of the last shell request."""
        message = self.session.new_message(msg_type, content, parent=parent)
        self.reply_frames(self.session.encode(message))

    def reply_frames(self, frames: Sequence[bytes]) -> None:
        """Send frames on shell to the client of the last shell request."""
        self._call(lambda: self._sockets[Channel.SHELL].send_multipart([*self._client, *frames]))

    def _call(self, action: Callable[[], T]) -> T:
        done: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

        def run() -> None:
            try:
                done.put(action())
            except BaseException as error:  # noqa: BLE001 - raised in the test's thread
                done.put(error)

        self._post(run)
        result = done.get(timeout=PATIENCE)
        if isinstance(result, BaseException):
            raise result
        return result

    def _post(self, command: Callable[[], None]) -> None:
        self._commands.put(command)
        os.write(self._wake_writer, b".")

    # -- runs in the fake-kernel thread ----

    def _serve(self) -> None:
        while self._running:
            self.turn(Channel)

    def _stop(self) -> None:
        self._running = False

    def turn(self, channels: Iterable[Channel], patience: int | None = None) -> None:
        """Serve these channels once; wait `patience` milliseconds for a message, None for ever."""
        poller = zmq.Poller()
        poller.register(self._wake_reader, zmq.POLLIN)
        for channel in channels:
            poller.register(self._sockets[channel], zmq.POLLIN)
        ready = dict(poller.poll(patience))
        if self._wake_reader in ready:
            os.read(self._wake_reader, 1)
            self._commands.get()()
        for channel in channels:
            if self._sockets[channel] in ready:
                self._receive(channel)

    def _receive(self, channel: Channel) -> None:
        frames = self._sockets[channel].recv_multipart()
        self._client = frames[:1] if channel is Channel.SHELL else self._client
        if channel is Channel.HB:
            if self.beats:
                self._sockets[channel].send_multipart(frames)
        elif channel is Channel.IOPUB:
            self._welcome(frames[0])
        else:
            with contextlib.suppress(InvalidSignature):  # ipykernel only logs it
                self._take_request(channel, frames[:1], self.session.decode(frames))

    def _welcome(self, subscription: bytes) -> None:
        self._subscriptions.put(subscription)
        is_new, topic = subscription[:1] == b"\x01", subscription[1:]
        if is_new:
            self.topics.append(topic)
        if is_new and self.welcomes and self.publishes:
            content = {"subscription": topic.decode()}
            message = self.session.new_message("iopub_welcome", content)
            self._sockets[Channel.IOPUB].send_multipart(self.session.encode(message, [topic]))

    def _take_request(self, channel: Channel, client: list[bytes], request: Message) -> None:
        if request["msg_type"] == "input_reply":
            self._answers.append(request["content"]["value"])
        elif request["msg_type"] in self.holding:
            self._held.append((channel, client, request))
        else:
            self._note(request)
            self._serve_request(channel, client, request)
            return
        self._note(request)

    def _note(self, request: Message) -> None:
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()

    def _release(self) -> None:
        held, self._held = self._held, []
        self.holding.clear()
        for channel, client, request in held:
            self._serve_request(channel, client, request)

    def _serve_request(self, channel: Channel, client: list[bytes], request: Message) -> None:
        if channel in self.silent:
            return
        self._say("status", {"execution_state": "busy"}, request)
        content: Content = self.replies.get(request["msg_type"], {})
        if request["msg_type"] == "execute_request":
            content = self._execute(client, request)
        self._reply(channel, client, request, {"status": "ok", **content})
        self._say("status", {"execution_state": "idle"}, request)

    def _reply(
        self, channel: Channel, client: list[bytes], request: Message, content: Content
    ) -> None:
        msg_type = request["msg_type"].replace("_request", "_reply")
        reply = self.session.new_message(msg_type, content, parent=request)
        self._sockets[channel].send_multipart(self.session.encode(reply, client))

    def _say(self, msg_type: str, content: Content, parent: Message) -> None:
        if self.publishes and (self.publishes_status or msg_type != "status"):
            self._sockets[Channel.IOPUB].send_multipart(self.frames(msg_type, content, parent))

    def _execute(self, client: list[bytes], request: Message) -> Content:
        self._executions += 1
        code = request["content"]["code"]
        shown: Content = {"code": code, "execution_count": self._executions}
        self._say("execute_input", shown, request)
        for step in self.cells.get(code, ()):
            if isinstance(step, Ask):
                step = "stream", {"name": "stdout", "text": self._ask(step, client, request)}
            self._say(*step, request)
        self.runs(code)
        return {**self.replies.get("execute_request", {}), "execution_count": self._executions}

    def _ask(self, question: Ask, client: list[bytes], request: Message) -> str:
        content: dict[str, Any] = {"prompt": question.prompt, "password": question.password}
        message = self.session.new_message("input_request", content, parent=request)
        while not self._has_reached(Channel.STDIN, self.session.encode(message, client)):
            self.turn((Channel.STDIN, Channel.CONTROL, Channel.HB), patience=1)
        while self._running and not self._answers:
            self.turn((Channel.STDIN, Channel.CONTROL, Channel.HB))
        return self._answers.pop(0) if self._answers else ""

    def _has_reached(self, channel: Channel, frames: list[bytes]) -> bool:
        """Send frames to a client; return False if it is not connected yet."""
        try:
            self._sockets[channel].send_multipart(frames)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH or not self._running:
                raise
            return False
        return True
