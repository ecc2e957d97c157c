"""BlockingKernelClient: ask a kernel, wait for what it says, notice when it dies."""

from __future__ import annotations

from kerneltui.kernels.client.interactive import OutputHook, StdinHook, run_interactively
from kerneltui.kernels.client.readiness import Readiness
from kerneltui.kernels.client.requests import KernelRequests
from kerneltui.protocol import fields
from kerneltui.protocol.message import Message


class BlockingKernelClient(KernelRequests):
    """A client of one kernel, for the thread that has started its channels.

    Two clients of one kernel do not disturb each other: each has an identity of its own.
    """

    def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return once this client's requests are answered and its iopub subscription is proven.

        A kernel that answers, but whose iopub stays silent, counts as ready after some seconds.
        `timeout`: seconds; None waits for ever for the answer. Raises ReadyTimeout, KernelDied,
        or KernelError for a kernel of protocol 4.
        """
        readiness = Readiness(self)
        reply = readiness.wait(timeout)
        self._noise = frozenset(readiness.asked)
        self._features = fields.texts(reply["content"], "supported_features")

    def is_alive(self) -> bool:
        """Tell whether the kernel lives: by its process if a manager knows it, else by a beat."""
        if self.parent is not None:
            return self.parent.is_alive()
        return not self.hb_channel.is_alive() or self.hb_channel.is_beating()

    def execute_interactive(
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

        `output_hook`, `stdin_hook`: called with each message of this request on iopub and
        stdin; by default they print and read here. What belongs to other requests is set
        aside. Raises KernelTimeout, KernelDied, or RuntimeError without its channels.
        """
        may_ask = self.allow_stdin if allow_stdin is None else allow_stdin
        for channel in (self.iopub_channel, *([self.stdin_channel] if may_ask else [])):
            channel.opened()
        msg_id = self.execute(code, silent, store_history, user_expressions, may_ask, stop_on_error)
        return run_interactively(self, msg_id, timeout, output_hook, stdin_hook, may_ask=may_ask)
