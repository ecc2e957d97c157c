"""Console: runs the user's code in kernels, in one thread; replies come as futures."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import zmq

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.conversation import NEVER, NOT_RUN, REFUSALS, Conversation, Reply, fail
from kerneltui.fleet.console.prompt import Prompt, RunningClient
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.threads.mailbox import Mailbox
from kerneltui.fleet.transcript.entries import RequestEnd
from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.guarded_thread import Failures, LoopThread, describe_failure
from kerneltui.protocol import fields
from kerneltui.protocol.message import Message, cursor_content, execute_content, history_content
from kerneltui.protocol.wire import new_msg_id

CLOSED = "the console is closed"
FAILED = "the console failed; requests that were sent before are not followed any more"
T = TypeVar("T")

LOCKED = "read-only: kernels are only watched, and no requests are sent"
HISTORY_LENGTH = 500  # cells that the history asks of a kernel when it starts


@frozen
class Evaluation:
    """An expression that a kernel was asked to evaluate."""

    reply: Reply
    sent_at: float
    """Instant of `time.monotonic()`."""


class Console:
    """Runs code in kernels and asks them things. Every method returns at once, in any thread."""

    def __init__(
        self,
        find_manager: Callable[[str], KernelManager],
        record: Callable[[str, Message], None],
        note: Callable[[str, str, str], None],
        find_log: Callable[[str], MessageLog | None],
        is_served: Callable[[str], bool] = lambda _kernel_id: False,
        *,
        end: Callable[[str, RequestEnd, object], None] = lambda *_: None,
        may_look: bool = False,
    ) -> None:
        """`note`: adds a text to the transcript of a kernel; last, the request it is about, or "".

        `end`: called with the end of each cell, and with the date of its reply.

        `is_served`: tells whether a kernel is a Jupyter server's.

        `may_look`: such a kernel is asked beside its code even so, if a user wants to look into it.
        """
        self.prompts: Mapping[str, Prompt] = MappingProxyType({})
        """Open input() prompts by kernel id. Rebound, never changed."""
        self.clients: Mapping[str, RunningClient] = MappingProxyType({})
        """By kernel id, the client whose code has not finished. Rebound as well."""
        self.queued: Mapping[str, tuple[str, ...]] = MappingProxyType({})
        """By kernel id, the code that was sent and has not finished, the running one first."""
        self.beside: Mapping[str, tuple[str, ...]] = MappingProxyType({})
        """The same for code that runs in a subshell."""
        self.waiting: Mapping[str, float] = MappingProxyType({})
        """When each kernel's oldest unfinished code was sent; instants of `time.monotonic()`."""
        self.connected: Mapping[str, int] = MappingProxyType({})
        """1 for each kernel to which a client of ours is connected, by kernel id."""
        self.abandoned: dict[str, tuple[str, ...]] = {}
        """By kernel id, the unfinished code when its process ended, the running one first."""
        self._find_manager = find_manager
        self._record = record
        self._note = note
        self._end = end
        self._locked = False
        self._find_log = find_log
        self._is_served = is_served
        self._may_look = may_look
        self._conversations: dict[str, Conversation] = {}
        self._evaluations: dict[str, Evaluation] = {}
        """By kernel id, the last one."""
        self._mailbox = Mailbox()
        self._failures = Failures("console")
        self._thread = LoopThread(self._turn, "console", last=self._leave)

    @property
    def locked(self) -> bool:
        """Whether nothing is run, answered or asked."""
        return self._locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        was_locked, self._locked = self._locked, locked
        if was_locked and not locked:
            self._mailbox.put(self._probe_again)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close all clients; the kernels go on with the code that was sent."""
        self._mailbox.shut(self._thread.end)
        self._thread.join()
        self._mailbox.close()

    def probe_ready(self, kernel_id: str) -> None:
        """Have a new process report that it is idle; while locked, once that is over."""
        self._mailbox.put(partial(self._probe_ready, kernel_id))

    def resolve_doubt(self, kernel_id: str) -> None:
        """Ask a kernel on shell whether it is busy, if iopub leaves that in doubt."""
        self._mailbox.put(partial(self._resolve_doubt, kernel_id))

    def execute(self, kernel_id: str, code: str, *, beside: bool = False, msg_id: str = "") -> str:
        """Run code after all earlier code; return the msg_id of the request.

        Its output reaches the transcript, and so does a note if it is not run. `beside`: run it at
        once, in a subshell; a kernel without subshells does not run it. `msg_id`: if the
        caller has made one. Raises ActionRefused while locked, as `answer` does.
        """
        self._permit()
        msg_id = msg_id or new_msg_id()
        self._mailbox.put(partial(self._execute, kernel_id, code, beside, msg_id))
        return msg_id

    def complete(self, kernel_id: str, code: str, cursor_pos: int) -> Reply:
        """Return the future content of a complete_reply, beside a running cell if possible.

        While locked it fails with ActionRefused, and so do the three below.
        """
        return self._ask(kernel_id, "complete_request", cursor_content(code, cursor_pos))

    def inspect(self, kernel_id: str, code: str, cursor_pos: int) -> Reply:
        content = cursor_content(code, cursor_pos, detail_level=0)
        return self._ask(kernel_id, "inspect_request", content)

    def is_complete(self, kernel_id: str, code: str) -> Reply:
        return self._ask(kernel_id, "is_complete_request", {"code": code})

    def history(self, kernel_id: str) -> Future[tuple[str, ...]]:
        """Return a future of the code that the kernel remembers, oldest first."""
        content = history_content(hist_access_type="tail", n=HISTORY_LENGTH)
        reply = self._ask(kernel_id, "history_request", content)
        codes: Future[tuple[str, ...]] = Future()
        reply.add_done_callback(partial(_pass_on_history, codes))
        return codes

    def evaluate(self, kernel_id: str, content: dict[str, Any]) -> Reply:
        """Return the future reply to an execute_request that changes nothing.

        It runs in a subshell, beside a running cell. Raises ActionRefused while locked.
        """
        self._permit()
        reply = self._ask(kernel_id, "execute_request", content, beside=True)
        self._evaluations[kernel_id] = Evaluation(reply, time.monotonic())
        return reply

    def evaluation(self, kernel_id: str) -> Evaluation | None:
        """Return what `evaluate` asked last; None if it asked nothing."""
        return self._evaluations.get(kernel_id)

    def wait_until_evaluated(self, kernel_id: str, timeout: float) -> None:
        """Wait for the reply to that, at most so many seconds.

        A thread that the kernel starts for a subshell may take a SIGINT that was sent meanwhile;
        then nothing wakes a main thread that waits in a call.
        """
        if (last := self.evaluation(kernel_id)) is not None:
            wait([last.reply], timeout)

    def answer(self, prompt: Prompt, value: str) -> None:
        """Answer an open prompt; nothing happens if it is not open any more."""
        self._permit()
        self._mailbox.put(partial(self._answer, prompt, value))

    def resume(
        self, kernel_id: str, client: RunningClient, code: str, prompt: Prompt | None = None
    ) -> None:
        """Continue as a client that is gone. `code`: of its first request; `prompt`: if open."""
        self._permit()
        self._mailbox.put(partial(self._resume, kernel_id, client, code, prompt))

    def offer(self, prompt: Prompt) -> None:
        """Show a prompt of our running code that came while no client listened."""
        self._permit()
        self._mailbox.put(partial(self._offer, prompt))

    def forget(self, kernel_id: str, why: str) -> None:
        """Give up all pending requests to a kernel: its process is gone, or was replaced."""
        self._mailbox.put(partial(self._forget, kernel_id, why))

    def _permit(self) -> None:
        if self.locked:
            raise ActionRefused(LOCKED)

    def _ask(
        self, kernel_id: str, msg_type: str, content: dict[str, Any], *, beside: bool = False
    ) -> Reply:
        reply: Reply = Future()
        send = partial(self._send_ask, kernel_id, msg_type, content, reply, beside)
        if not self._mailbox.put(send):
            fail(reply, KernelError(CLOSED))
        return reply

    # -- runs in the console thread ----

    def _turn(self) -> None:
        self._wait()
        for order in self._mailbox.take():
            self._failures.attempt(order)
        for kernel_id, conversation in list(self._conversations.items()):
            if not self._failures.attempt(conversation.take_turn):
                self._begin_again(kernel_id)
        self._publish()

    def _begin_again(self, kernel_id: str) -> None:
        """Give up a conversation after an error, and say so; the next request begins a new one."""
        self._failures.attempt(partial(self._forget, kernel_id, FAILED))
        self._failures.attempt(partial(self._note, kernel_id, FAILED, ""))

    def _wait(self) -> None:
        poller = zmq.Poller()
        poller.register(self._mailbox, zmq.POLLIN)
        sockets = [each for talk in self._conversations.values() for each in talk.sockets]
        for socket in sockets:
            poller.register(socket, zmq.POLLIN)
        due = min((talk.due for talk in self._conversations.values()), default=NEVER)
        poller.poll(None if due == NEVER else max(0, math.ceil((due - time.monotonic()) * 1000)))

    def _publish(self) -> None:
        talks = tuple(self._conversations.items())
        self.prompts = _rebound(self.prompts, {each: talk.prompt for each, talk in talks})
        self.clients = _rebound(self.clients, {each: talk.running_client for each, talk in talks})
        self.queued = _rebound(self.queued, {each: talk.queued for each, talk in talks})
        self.beside = _rebound(self.beside, {each: talk.beside for each, talk in talks})
        self.connected = _rebound(
            self.connected, {each: int(bool(talk.sockets)) for each, talk in talks}
        )
        self.waiting = _rebound(self.waiting, {each: talk.waiting_since for each, talk in talks})

    def _conversation(self, kernel_id: str) -> Conversation:
        """Return the conversation with a kernel. Raises NoSuchKernel."""
        if kernel_id not in self._conversations:
            self.abandoned.pop(kernel_id, None)
            self._conversations[kernel_id] = Conversation(
                self._find_manager(kernel_id),
                partial(self._record, kernel_id),
                partial(self._note, kernel_id),
                self._find_log(kernel_id) or MessageLog(),
                end=partial(self._end, kernel_id),
                permit=self._permit,
                is_served=self._is_served(kernel_id),
                may_look=self._may_look,
            )
        return self._conversations[kernel_id]

    def _probe_ready(self, kernel_id: str) -> None:
        with contextlib.suppress(*REFUSALS):  # it is gone already
            self._conversation(kernel_id).probe_ready()

    def _probe_again(self) -> None:
        for conversation in self._conversations.values():
            with contextlib.suppress(*REFUSALS):  # it is gone already
                conversation.probe_again()

    def _resolve_doubt(self, kernel_id: str) -> None:
        with contextlib.suppress(*REFUSALS):  # it is gone already
            self._conversation(kernel_id).resolve_doubt()

    def _execute(self, kernel_id: str, code: str, beside: bool, msg_id: str) -> None:
        try:
            talk = self._conversation(kernel_id)
            if not beside:
                self._announce(kernel_id, code)
            run = talk.execute_beside if beside else talk.execute
            run(code, execute_content(code), msg_id)
        except REFUSALS as error:
            self._note(kernel_id, f"{NOT_RUN}: {error}", msg_id)
        except Exception as error:
            self._note(kernel_id, f"{NOT_RUN}: {describe_failure(error)}", msg_id)
            raise

    def _announce(self, kernel_id: str, code: str) -> None:
        """Publish code before it is sent, as it may end the kernel at once."""
        codes = (*self.queued.get(kernel_id, ()), code)
        self.queued = MappingProxyType({**self.queued, kernel_id: codes})

    def _send_ask(
        self, kernel_id: str, msg_type: str, content: dict[str, Any], reply: Reply, beside: bool
    ) -> None:
        try:
            talk = self._conversation(kernel_id)
            ask = talk.ask_beside if beside else talk.ask
            ask(msg_type, content, reply)
        except REFUSALS as error:
            fail(reply, error)
        except Exception as error:
            fail(reply, KernelError(f"not asked: {describe_failure(error)}"))
            raise

    def _answer(self, prompt: Prompt, value: str) -> None:
        conversation = self._conversations.get(prompt.kernel_id)
        if conversation is None or conversation.prompt != prompt:
            return
        try:
            conversation.answer(value)
        except REFUSALS as error:
            self._note(prompt.kernel_id, f"not answered: {error}", "")
        except Exception as error:
            self._note(prompt.kernel_id, f"not answered: {describe_failure(error)}", "")
            raise

    def _resume(
        self, kernel_id: str, client: RunningClient, code: str, prompt: Prompt | None
    ) -> None:
        with contextlib.suppress(*REFUSALS):  # it is gone, or is given other code already
            self._conversation(kernel_id).resume(client, code, prompt)

    def _offer(self, prompt: Prompt) -> None:
        if (conversation := self._conversations.get(prompt.kernel_id)) is not None:
            conversation.offer(prompt)

    def _forget(self, kernel_id: str, why: str) -> None:
        conversation = self._conversations.pop(kernel_id, None)
        if conversation is not None:
            if conversation.queued:
                self.abandoned[kernel_id] = conversation.queued
            conversation.abandon(why)

    def _leave(self) -> None:
        conversations, self._conversations = self._conversations, {}
        for conversation in conversations.values():
            self._failures.attempt(partial(conversation.leave, CLOSED))


def _rebound(before: Mapping[str, T], now: Mapping[str, T | None]) -> Mapping[str, T]:
    """Return the present values by kernel id; the same object if none has changed."""
    there = {kernel_id: value for kernel_id, value in now.items() if value}
    return before if there == before else MappingProxyType(there)


def _pass_on_history(codes: Future[tuple[str, ...]], reply: Reply) -> None:
    if not codes.set_running_or_notify_cancel():
        return
    error = reply.exception()
    if error is not None:
        codes.set_exception(error)
        return
    found = fields.items(reply.result(), "history")[-HISTORY_LENGTH:]
    # An entry is [session, line, input], or [session, line, [input, output]].
    codes.set_result(
        tuple(
            entry[2]
            for entry in found
            if isinstance(entry, list) and len(entry) > 2 and isinstance(entry[2], str)
        )
    )
