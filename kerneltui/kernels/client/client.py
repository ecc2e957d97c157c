"""KernelClient: send requests to a kernel, wait for its messages, notice its death."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kerneltui.kernels.client.base import AnyChannel
from kerneltui.kernels.client.channels import BlockingChannel, Source
from kerneltui.kernels.client.finish import blocking, finish
from kerneltui.kernels.client.interactive import (
    OutputHook,
    StdinHook,
    answer_from_terminal,
    print_output,
    serve_request,
)
from kerneltui.kernels.client.readiness import Readiness
from kerneltui.kernels.client.requests import KernelRequests
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Message

T = TypeVar("T")


class KernelClient(KernelRequests[AnyChannel]):
    """What a blocking and an async client have in common."""

    async def _wait_for_ready(self, timeout: float | None = None) -> None:
        """Return once this client's requests are answered and its iopub subscription is proven.

        A kernel that answers, but whose iopub stays silent, counts as ready after some seconds.
        `timeout`: seconds; None waits for the answer without limit. Raises ReadyTimeout,
        KernelDied, or KernelError for a kernel of protocol 4.
        """
        readiness = Readiness(self)
        reply = await readiness.wait(timeout)
        self._noise = frozenset(readiness.asked)
        self._ready_reply = reply
        self._features = fields.texts(reply["content"], "supported_features")

    def _output_hook_default(self, message: Message) -> None:
        """Print output as text; a script's own hook may pass other messages on to it."""
        print_output(message)

    def _stdin_hook_default(self, message: Message) -> None:
        answer_from_terminal(self, message)

    def _is_alive(self) -> bool:
        if self.parent is not None:
            return self.parent.looks_alive()
        return not self.hb_channel.is_alive() or self.hb_channel.is_beating()

    async def _execute_interactive(
        self,
        code: str,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool | None = None,
        stop_on_error: bool = True,
        timeout: float | None = None,
        output_hook: OutputHook | None = None,
        stdin_hook: StdinHook | None = None,
    ) -> Message:
        """Run code to its end, show its output and answer its prompts; return the reply.

        `output_hook`, `stdin_hook`: called with each message of this request on iopub and stdin. By
        default, output is printed and input is read here; in a notebook, rich output is shown in
        the notebook. Messages of other requests are set aside. Raises KernelTimeout, KernelDied, or
        ChannelNotOpen.
        """
        may_ask = self.allow_stdin if allow_stdin is None else allow_stdin
        self.refresh()
        for channel in (self.iopub_channel, *([self.stdin_channel] if may_ask else [])):
            channel.opened()
        msg_id = self.execute(code, silent, store_history, user_expressions, may_ask, stop_on_error)
        return await serve_request(self, msg_id, timeout, output_hook, stdin_hook, may_ask=may_ask)


class BlockingKernelClient(KernelClient[BlockingChannel]):
    """A client of one kernel, for the thread that has started its channels.

    Two clients of one kernel do not disturb each other: each has an identity of its own.
    """

    # -- messages ----

    def get_shell_msg(self, timeout: float | None = None) -> Message:
        return self.shell_channel.get_msg(timeout)

    def get_iopub_msg(self, timeout: float | None = None) -> Message:
        return self.iopub_channel.get_msg(timeout)

    def get_stdin_msg(self, timeout: float | None = None) -> Message:
        return self.stdin_channel.get_msg(timeout)

    def get_control_msg(self, timeout: float | None = None) -> Message:
        return self.control_channel.get_msg(timeout)

    def get_reply(
        self, msg_id: str, timeout: float | None = None, channel: str = "shell"
    ) -> Message:
        """Return the reply to a request; replies to other requests are set aside, not lost.

        Raises KernelTimeout or KernelDied.
        """
        return finish(self._reply_to(msg_id, timeout, channel))

    _recv_reply = get_reply  # nbclient's name for it

    def wait_readable(
        self, channels: Sequence[Source], deadline: float | None, asked: int = 0
    ) -> None:
        """Do as `until_readable` does, and block."""
        finish(self.until_readable(channels, deadline, asked))

    # -- verbs ----

    def is_alive(self) -> bool:
        """Tell whether the kernel lives: by its process if a manager has it, else by heartbeat."""
        return self._is_alive()

    wait_for_ready = blocking(KernelClient._wait_for_ready)
    execute_interactive = blocking(KernelClient._execute_interactive)
    create_subshell = blocking(KernelClient._create_subshell)
    delete_subshell = blocking(KernelClient._delete_subshell)
    list_subshells = blocking(KernelClient._list_subshells)

    # -- its way of waiting ----

    async def _poll(
        self, channels: Sequence[Source], process: KernelProcess | None, deadline: float | None
    ) -> list[Any]:
        return self._poll_here(channels, process, deadline)

    async def _elsewhere(self, call: Callable[[], T]) -> T:
        return call()

    def _new_channel(self, channel: Channel) -> BlockingChannel:
        return BlockingChannel(channel, self.session.clone(), self, self._thread)
