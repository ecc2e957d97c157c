"""Conversation: one client's requests to one kernel, and the result of each.

Rule: nothing here waits. Requests are sent, and `listen` takes in what has come.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any

import zmq

from kerneltui.errors import ActionRefused, KernelError, ProtocolError
from kerneltui.fleet.console.prompt import Prompt, RunningClient
from kerneltui.fleet.console.ready_probe import ReadyProbe
from kerneltui.fleet.console.shell_proof import ShellProof
from kerneltui.fleet.console.subshell import Parked, Subshell, delete_subshells
from kerneltui.fleet.model.masking import MASK
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.transcript.entries import RequestEnd
from kerneltui.kernels.client.channels import ClientChannel
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection.session import renamed
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import SUBSHELLS, Content, Message, parent_id, was_aborted
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_code, clean_line

IDLE_TIME = 10  # seconds that a client with nothing pending stays connected
NEVER = math.inf
PROMPT_WIDTH = 200
ERROR_WIDTH = 1_000
LEAVE_PATIENCE = 0.3  # seconds for a kernel to reply that it has deleted a subshell
REQUEST_LIMIT = 100  # without a reply, of one client; far fewer than would block a socket's queue
TURN_MESSAGES = 1_000  # read from one channel before the others have their turn
REFUSALS = (KernelError, ValueError, zmq.ZMQError)
"""Errors that keep a request from being sent: no kernel, text that is not Unicode, no socket."""
NOT_RUN = "not run"
"""Begins the note on code that was not run."""
RECORDED = frozenset({"execute_reply", "input_request"})
"""Messages with content that iopub does not carry: pager text and prompts."""

Reply = Future[dict[str, Any]]


def fail(reply: Reply, why: Exception) -> None:
    """Tell the caller, if it still waits for a reply, why none will come."""
    if reply.set_running_or_notify_cancel():
        reply.set_exception(why if isinstance(why, KernelError) else KernelError(str(why)))


class Conversation:
    """The requests to one kernel that have no reply yet, and the client that sent them."""

    def __init__(
        self,
        manager: KernelManager,
        record: Callable[[Message], None],
        note: Callable[[str, str], None],
        log: MessageLog,
        *,
        end: Callable[[RequestEnd, object], None] = lambda *_: None,
        permit: Callable[[], None] = lambda: None,
        is_served: bool = False,
        may_look: bool = False,
    ) -> None:
        """`note`: adds a text to the transcript, about a request.

        `end`: called with the end of each cell, and with the date of its reply.

        `permit`: raises ActionRefused while no request may be sent.

        `is_served`: by a Jupyter server, which would take a subshell's idle for the kernel's.

        `may_look`: such a kernel is asked beside its code even so, if a user wants to look into it.
        """
        self.prompt: Prompt | None = None
        self._manager = manager
        self._record = record
        self._note = note
        self._end = end
        self._log = log
        self._permit = permit
        self._client: BlockingKernelClient | None = None
        self._refused: Counter[type[ProtocolError]] = Counter()
        self._running: dict[str, str] = {}  # msg_id -> code, oldest first
        self._sent_at: dict[str, float] = {}  # of the same; instants of time.monotonic()
        self._beside: dict[str, str] = {}  # the same, in a subshell
        self._asked: dict[str, Reply] = {}
        self._last_used = 0.0
        self._probe = ReadyProbe(manager, partial(self.ask, "kernel_info_request", {}))
        # Subshells, if the kernel has them, run requests beside a running cell. A question must not
        # wait for a cell that runs in a subshell, so each of the two kinds has its own.
        self._is_served = is_served
        self._proof = ShellProof(manager, None if is_served else self._ask_in_doubt)
        self._may_look = may_look or not is_served
        self._has_subshells: bool | None = None if self._may_look else False
        self._for_questions, self._for_cells = self._subshells = Subshell(), Subshell()

    @property
    def queued(self) -> tuple[str, ...]:
        return tuple(self._running.values())

    @property
    def waiting_since(self) -> float | None:
        """When the oldest unfinished code was sent; None if there is none."""
        return min(self._sent_at.values(), default=None)

    @property
    def beside(self) -> tuple[str, ...]:
        """Code that runs in a subshell."""
        return tuple(self._beside.values())

    @property
    def running_client(self) -> RunningClient | None:
        """The client whose code has not finished; None if there is none."""
        requests = (*self._running, *self._beside)
        if self._client is None or not requests:
            return None
        return RunningClient(self._client.session.session, requests)

    @property
    def sockets(self) -> list[zmq.Socket[bytes]]:
        client = self._client
        if client is None:
            return []
        channels = (client.shell_channel, client.stdin_channel, client.control_channel)
        return [channel.opened() for channel in channels]

    # -- sending ----

    def probe_ready(self) -> None:
        """Have a new process report that it is idle."""
        self._probe.begin()

    def probe_again(self) -> None:
        """Do so once requests may be sent again, if that was refused meanwhile."""
        self._probe.begin_again()

    def execute(self, code: str, content: Content, msg_id: str) -> None:
        """Run code; the kernel queues it behind earlier code. Raises one of REFUSALS."""
        self._refuse_unsendable()
        client = self._connected()
        message = client.session.new_message("execute_request", content, msg_id=msg_id)
        if not self._is_busy():
            self._record(message)  # before the kernel can report that it runs
        client.shell_channel.send(message)
        self._proof.note_request(msg_id)
        self._running[msg_id] = code
        self._sent_at[msg_id] = time.monotonic()

    def execute_beside(self, code: str, content: Content, msg_id: str) -> None:
        """Run code in a subshell, beside a running cell. Raises one of REFUSALS."""
        self._refuse_unsendable()
        if self._is_served:
            raise ActionRefused(
                f"{self._manager.describe()} belongs to a Jupyter server: it would be shown as idle"
            )
        if self._has_subshells is False:
            raise ActionRefused(f"{self._manager.describe()} has no subshells")
        subshell = self._for_cells
        if subshell.id is None:
            send = partial(self.execute_beside, code, content, msg_id)
            self._park(subshell, Parked(send, partial(self._note_not_run, msg_id)))
            return
        client = self._connected()
        message = client.session.new_message(
            "execute_request", content, subshell_id=subshell.id, msg_id=msg_id
        )
        client.shell_channel.send(message)
        subshell.note_request(msg_id)
        self._beside[msg_id] = code

    def _note_not_run(self, msg_id: str, why: Exception) -> None:
        self._note(f"{NOT_RUN}: {why}", msg_id)

    def ask(self, msg_type: str, content: Content, reply: Reply) -> None:
        """Ask something that changes nothing. Raises one of REFUSALS."""
        self._refuse_unsendable()
        subshell, is_beside = self._for_questions, self._is_busy() and not self._is_served
        if is_beside and self._has_subshells is not False and subshell.id is None:
            send = partial(self.ask, msg_type, content, reply)
            self._park(subshell, Parked(send, partial(fail, reply)))
            return
        self._send_question(msg_type, content, reply, subshell if is_beside else None)

    def ask_beside(self, msg_type: str, content: Content, reply: Reply) -> None:
        """Ask Python something in a subshell, beside a running cell. Raises one of REFUSALS.

        A kernel without subshells is asked on its main shell, and only while it is idle.
        """
        self._refuse_unsendable()
        subshell = self._for_questions
        if not self._may_look:
            raise ActionRefused("its Jupyter server would show it as idle")
        if self._has_subshells is False and self._manager.status.state is not KernelState.IDLE:
            raise ActionRefused("it has no subshells, and is not idle")
        if self._has_subshells is not False and subshell.id is None:
            send = partial(self.ask_beside, msg_type, content, reply)
            self._park(subshell, Parked(send, partial(fail, reply)))
            return
        if fields.text(fields.mapping(self._log.kernel_info, "language_info"), "name") != "python":
            raise ActionRefused("it does not run Python")
        self._send_question(msg_type, content, reply, subshell)

    def _send_question(
        self, msg_type: str, content: Content, reply: Reply, subshell: Subshell | None
    ) -> None:
        """Send a question to a subshell, or to the main shell if that subshell does not exist."""
        client, subshell_id = self._connected(), subshell.id if subshell else None
        message = client.session.new_message(msg_type, content, subshell_id=subshell_id)
        client.shell_channel.send(message)
        if subshell is not None and subshell_id is not None:
            subshell.note_request(message["msg_id"])
        else:
            self._proof.note_request(message["msg_id"])
        self._asked[message["msg_id"]] = reply

    def resolve_doubt(self) -> None:
        """Ask the kernel whether it is busy, if it still seems so after DOUBT_TIME."""
        self._proof.doubt()

    def _ask_in_doubt(self, reply: Reply) -> None:
        try:
            self._refuse_unsendable()
            self._send_question("kernel_info_request", {}, reply, None)
        except REFUSALS as error:  # it is gone, and will soon be forgotten
            fail(reply, error)

    def _park(self, subshell: Subshell, request: Parked) -> None:
        """Let a request wait for a subshell, and have one created."""
        client = self._connected()
        subshell.parked.append(request)
        if self._has_subshells is None and self._log.kernel_info:
            self._note_features(self._log.kernel_info)
        if subshell.request is None:
            asked = "kernel_info" if self._has_subshells is None else "create_subshell"
            message = client.session.new_message(f"{asked}_request", {})
            client.control_channel.send(message)
            subshell.request = message["msg_id"]

    def answer(self, value: str) -> None:
        """Answer the open prompt. Raises one of REFUSALS."""
        assert self.prompt is not None
        client, shown = self._connected(), MASK if self.prompt.password else value
        # Recorded before it is sent, so that the kernel's output comes after it.
        self._record(client.session.new_message("input_reply", {"value": shown}))
        client.input(value)
        self.prompt = None

    def resume(self, client: RunningClient, code: str, prompt: Prompt | None = None) -> None:
        """Continue as a client that has left: its code's prompts and its replies come here.

        `code`: of its first request. `prompt`: its open one, if known. Raises one of REFUSALS.
        """
        if self._running or self._beside:
            raise ActionRefused(f"{self._manager.describe()} runs other code of this client")
        self.abandon("the client was replaced")
        self._connect(client.session)
        first, *later = client.requests
        self._running = {first: code, **dict.fromkeys(later, "")}
        # A reply may have come before this client listened. This question's reply comes after all.
        over: Reply = Future()
        over.add_done_callback(partial(self._drop, client.requests))
        self._send_question("kernel_info_request", {}, over, None)
        if prompt is not None:
            self.offer(prompt)

    def _drop(self, requests: Iterable[str], over: Reply) -> None:
        why = str(over.exception() or "it has ended, but its reply was not heard")
        for request in requests:
            if self._running.pop(request, None) is not None:
                self._end(RequestEnd(request, why, is_given_up=True), None)
        if self.prompt is not None and not self._is_ours(self.prompt.parent_id):
            self.prompt = None

    def offer(self, prompt: Prompt) -> None:
        """Show a prompt of our running code that came while no client listened."""
        if self.prompt is not None or not self._is_ours(prompt.parent_id):
            return
        self.prompt = prompt
        content = {"prompt": prompt.text, "password": prompt.password}
        self._record(self._manager.session.new_message("input_request", content))

    def _refuse_unsendable(self) -> None:
        self._permit()
        if not self._manager.is_alive():
            raise ActionRefused(f"{self._manager.describe()} is not running")
        parked = sum(len(each.parked) for each in self._subshells)
        unanswered = len(self._running) + len(self._beside) + len(self._asked) + parked
        if unanswered >= REQUEST_LIMIT:
            raise ActionRefused(
                f"{self._manager.describe()} has not answered {unanswered} requests yet"
            )

    def _is_busy(self) -> bool:
        return bool(self._running) or self._manager.status.state is KernelState.BUSY

    def _connected(self) -> BlockingKernelClient:
        self._last_used = time.monotonic()
        return self._client or self._connect()

    def _connect(self, session: str | None = None) -> BlockingKernelClient:
        """Return a new client. `session`: the identity to use instead of a new one."""
        client = self._manager.client()
        if session is not None:
            client.session = renamed(client.session, session)
        client.tap_messages = partial(self._tap, client)
        try:
            client.start_channels(iopub=False, hb=False)
        except REFUSALS:
            client.stop_channels()
            raise
        self._client, self._refused = client, Counter()
        return client

    # -- listening ----

    def take_turn(self) -> None:
        """Read what has come, and disconnect if the connection is not needed any more."""
        self.listen()
        now = time.monotonic()
        if self.is_over(now):
            self.close()
        elif self._client is not None and self._subshell_over_at <= now:
            delete_subshells(self._client, (self._for_questions,), 0.0)

    def listen(self) -> None:
        """Read what has come on all channels."""
        now = time.monotonic()
        self._proof.take_turn(now)
        if self._client is None:
            return
        if self._probe.due <= now:
            with contextlib.suppress(*REFUSALS):  # it is gone, and will soon be forgotten
                self._probe.take_turn()
        for message in _received(self._client.control_channel):
            for subshell in self._subshells:
                if subshell.request == parent_id(message):
                    self._hear_of_subshell(subshell, message)
        for message in _received(self._client.stdin_channel):
            if message["msg_type"] == "input_request" and self._is_ours(parent_id(message)):
                self._open_prompt(message)
        for message in _received(self._client.shell_channel):
            self._hear_reply(message)
        refused = self._client.refused
        self._log.refuse(refused - self._refused)
        self._refused = refused
        if self._for_questions.parked and not self._is_busy():
            self._send_parked(self._for_questions)

    def _hear_reply(self, message: Message) -> None:
        self._last_used = time.monotonic()
        request = parent_id(message)
        for subshell in self._subshells:
            subshell.note_reply(request)
        self._proof.note_reply(request)
        if message["msg_type"] == "kernel_info_reply":
            self._note_features(message["content"])
        if (reply := self._asked.pop(request, None)) is not None:
            if reply.set_running_or_notify_cancel():
                reply.set_result(message["content"])
        elif self._is_ours(request):
            cells = self._running if request in self._running else self._beside
            code, content = cells.pop(request), message["content"]
            self._sent_at.pop(request, None)
            if self.prompt is not None and self.prompt.parent_id == request:
                self.prompt = None  # an interrupt or an error ends it
            if message["msg_type"] == "execute_reply" and was_aborted(content):
                self._note(f"{NOT_RUN}, as a cell before it failed: {clean_code(code)}", request)
            self._end(RequestEnd(request, _error(content)), message["header"].get("date"))

    def _is_ours(self, request: str) -> bool:
        """Tell whether a request is an unfinished cell of ours."""
        return request in self._running or request in self._beside

    def _open_prompt(self, message: Message) -> None:
        content = message["content"]
        self.prompt = Prompt(
            kernel_id=self._manager.kernel_id,
            text=clean_line(fields.text(content, "prompt"), PROMPT_WIDTH),
            password=fields.flag(content, "password"),
            parent_id=parent_id(message),
            asked_at=time.monotonic(),
        )

    def _hear_of_subshell(self, subshell: Subshell, message: Message) -> None:
        """Learn whether there are subshells, then the id of ours; then send the parked requests."""
        subshell.request = None
        content = message["content"]
        if message["msg_type"] == "kernel_info_reply":
            self._note_features(content)
        elif content.get("status") == "ok" and (made := fields.text(content, "subshell_id")):
            subshell.id = made
        else:
            self._has_subshells = False
        self._send_parked(subshell)

    def _note_features(self, content: Mapping[str, Any]) -> None:
        has_them = SUBSHELLS in fields.texts(content, "supported_features")
        self._has_subshells = has_them and self._may_look

    def _send_parked(self, subshell: Subshell) -> None:
        for request in subshell.take_parked():
            try:
                request.send()
            except REFUSALS as error:
                request.fail(error)

    def _tap(self, client: BlockingKernelClient, channel: Channel, message: Message) -> None:
        if message["msg_type"] in RECORDED:
            self._record(message)
        if message["msg_type"] == "input_reply" and self.prompt and self.prompt.password:
            message = {**message, "content": {"value": MASK}}
        self._log.tap(client.session, channel, message)

    # -- ending ----

    @property
    def due(self) -> float:
        """When to take a turn even if nothing has come, an instant of `time.monotonic()`."""
        return min(self._probe.due, self._proof.due, self._over_at, self._subshell_over_at)

    def is_over(self, now: float) -> bool:
        """Tell whether the client has been unused for IDLE_TIME."""
        return self._over_at <= now

    @property
    def _over_at(self) -> float:
        parked = any(each.parked for each in self._subshells)
        if self._client is None or self._running or self._beside or self._asked or parked:
            return NEVER
        return self._last_used + IDLE_TIME

    @property
    def _subshell_over_at(self) -> float:
        """When the subshell for questions has been unused for IDLE_TIME, even if a cell runs."""
        subshell = self._for_questions
        return subshell.used_at + IDLE_TIME if subshell.is_idle else NEVER

    def close(self, patience: float = 0.0) -> None:
        """Disconnect, and have the kernel delete our subshells.

        `patience`: seconds to wait for its replies, if this process is about to end.
        """
        client, self._client = self._client, None
        if client is None:
            return
        if self._manager.is_alive():
            with contextlib.suppress(*REFUSALS):  # only a courtesy
                delete_subshells(client, self._subshells, patience)
        client.stop_channels()

    def leave(self, why: str) -> None:
        """Give up all requests to a kernel that runs on, and have our subshells deleted.

        A subshell that runs something stays: the kernel would not reply until that is over.
        """
        for subshell in self._subshells:
            if not subshell.is_idle:
                subshell.forget()
        self.close(LEAVE_PATIENCE)
        self.abandon(why)

    def abandon(self, why: str) -> None:
        """Give up all requests to a process that is gone, and disconnect."""
        error = KernelError(why)
        for reply in self._asked.values():
            fail(reply, error)
        for subshell in self._subshells:
            for request in subshell.take_parked():
                request.fail(error)
            subshell.forget()  # it went with its process
        for msg_id in (*self._running, *self._beside):
            self._end(RequestEnd(msg_id, why, is_given_up=True), None)
        self._asked, self._running, self._beside, self.prompt = {}, {}, {}, None
        self._sent_at = {}
        self._proof.forget()
        self._probe.forget()
        self.close()


def _error(reply: Content) -> str | None:
    """Return what a reply says that code has failed with, as one line; None if it has not."""
    if fields.text(reply, "status") == "ok":
        return None
    names = (fields.text(reply, "ename"), fields.text(reply, "evalue"))
    return clean_line(": ".join(filter(None, names)), ERROR_WIDTH)


def _received(channel: ClientChannel) -> Iterator[Message]:
    return islice(channel.get_everything(), TURN_MESSAGES)
