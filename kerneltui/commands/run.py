"""`kerneltui run`: runs code in a kernel, prints its output, and returns an exit code."""

from __future__ import annotations

import io
import sys
import time
from functools import partial
from pathlib import Path

from kerneltui.commands.cell_output import CellOutput, told_error
from kerneltui.commands.engine_words import NONE, EngineWords
from kerneltui.commands.engines import remote_kernel
from kerneltui.commands.listing import client_of, find_living
from kerneltui.commands.printing import Colours, OutputPrinter, ProgressLine, warn
from kerneltui.commands.prompt import Keyboard, answer_prompt
from kerneltui.commands.verbs import act
from kerneltui.errors import KernelError, KernelTimeout
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.client.interactive import run_interactively
from kerneltui.protocol import fields
from kerneltui.protocol.message import Content, Message, parent_id, was_aborted

INTERRUPTED = 130  # the shell's exit code for Ctrl+C
TIMED_OUT = 124  # timeout(1)'s
FAILED = 1
LAST_WORDS = 5.0  # seconds for code that was interrupted to end
STDIN = "-"
NOT_RUN = "not run, as code before it in the same kernel failed"


def run(
    word: str,
    code: str,
    *,
    may_ask: bool,
    timeout: float | None = None,
    colours: Colours = Colours.AUTO,
    engines: EngineWords = NONE,
) -> int:
    """Run code in a kernel and print its output; return 0, or 1 if it raises an error.

    `may_ask`: its prompts are answered at this terminal. Ctrl+C interrupts only this code, and
    returns 130; if the code has not begun, nothing is interrupted. The end of `timeout` seconds
    does the same, and returns 124. Raises KernelDied if the kernel ends.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with remote_kernel(word, engines) as remote:
        if remote is not None:
            from kerneltui.commands.remote_run import RemoteRun

            remote.connect()
            this_run = RemoteRun(remote, code, may_ask=may_ask, deadline=deadline)
            return this_run.to_its_end(colours)
    kernel = find_living(word)
    client = client_of(kernel)
    client.start_channels(hb=False)
    try:
        with ProgressLine(f"waiting until {kernel.name} is idle"):
            client.wait_for_ready(timeout=_left(deadline))
        this = _Run(client, kernel.id, may_ask=may_ask, deadline=deadline, colours=colours)
        return this.to_its_end(code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except KernelTimeout:
        if deadline is None or time.monotonic() < deadline:
            raise
        warn(f"{kernel.name} has not begun to run it after {timeout:g} s")
        return TIMED_OUT
    finally:
        client.stop_channels()


def _left(deadline: float | None) -> float | None:
    """Return the seconds until an instant of `time.monotonic()`."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def read_code(source: str) -> str:
    """Return the code in a file; "-" is standard input. Raises KernelError."""
    name = "standard input" if source == STDIN else source
    try:
        return _from_stdin() if source == STDIN else Path(source).read_text("utf-8")
    except OSError as error:
        raise KernelError(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KernelError(f"{name} is not UTF-8 text") from None


def _from_stdin() -> str:
    if isinstance(sys.stdin, io.TextIOWrapper):  # else a test's
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    return sys.stdin.read()


class _Run:
    """One piece of code in one kernel."""

    def __init__(
        self,
        client: BlockingKernelClient,
        kernel_id: str,
        *,
        may_ask: bool,
        deadline: float | None = None,
        colours: Colours = Colours.AUTO,
    ) -> None:
        """`deadline`: when the code is interrupted, an instant of `time.monotonic()`."""
        self._client = client
        self._kernel_id = kernel_id
        self._may_ask = may_ask
        self._deadline = deadline
        self._output = CellOutput()
        self._printer = OutputPrinter(colours)
        self._keyboard = Keyboard()
        self._has_told_error = False
        self._begun = ""
        """The msg_id of its request, once the kernel runs it."""

    def to_its_end(self, code: str) -> int:
        """Return the exit code.

        If the code has not begun, raises KeyboardInterrupt for Ctrl+C, and KernelTimeout at the
        deadline.
        """
        try:
            reply = self._client.execute_interactive(
                code,
                allow_stdin=self._may_ask,
                timeout=_left(self._deadline),
                output_hook=self._show,
                stdin_hook=partial(self._answer, self._deadline),
            )
        except KeyboardInterrupt:
            if not self._begun:
                raise
            self._interrupt(None)
            return INTERRUPTED
        except KernelTimeout:
            is_due = self._deadline is not None and time.monotonic() >= self._deadline
            if not self._begun or not is_due:
                raise
            self._interrupt(LAST_WORDS)
            return TIMED_OUT
        else:
            return self._conclude(reply["content"])
        finally:
            self._printer.close()

    def _answer(self, deadline: float | None, message: Message) -> None:
        answer_prompt(self._client, self._keyboard, message, deadline)
        self._printer.forget_open_lines()  # the user's Enter has ended them

    def _interrupt(self, timeout: float | None) -> None:
        """Interrupt the code, and print its output for `timeout` seconds or until it ends."""
        if act(Verb.INTERRUPT, [self._kernel_id]) != 0:  # it has said why
            warn("the code still runs")
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        answer = partial(self._answer, deadline)
        try:
            run_interactively(
                self._client, self._begun, timeout, self._show, answer, may_ask=self._may_ask
            )
        except KernelTimeout:
            warn("it was interrupted, but still runs")

    def _conclude(self, reply: Content) -> int:
        """Return the exit code, and print an error that iopub has not told."""
        if fields.text(reply, "status") == "ok":
            return 0
        if not self._has_told_error:
            told = NOT_RUN if was_aborted(reply) else told_error(reply)
            self._printer.print(self._output.lines("stderr", told))
        return FAILED

    def _show(self, message: Message) -> None:
        self._begun = parent_id(message)
        self._has_told_error |= message["msg_type"] == "error"
        self._printer.print(self._output.of(message["msg_type"], message["content"]))
