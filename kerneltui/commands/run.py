"""`kerneltui run`: code in one kernel, its output here, its end as an exit code."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from kerneltui.commands.listing import client_of, find_living
from kerneltui.commands.printing import Printer, ProgressLine
from kerneltui.commands.prompt import Keyboard, answer_prompt
from kerneltui.commands.verbs import act
from kerneltui.errors import KernelError
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.client.interactive import run_interactively
from kerneltui.protocol import fields
from kerneltui.protocol.message import Content, Message, parent_id, was_aborted

INTERRUPTED = 130  # the shell's exit code for Ctrl+C
FAILED = 1
STDIN = "-"
NOT_RUN = "not run, as code that was sent to the kernel before it failed"


def run(word: str, code: str, *, may_ask: bool) -> int:
    """Run code in a kernel and print what it says; 0 where it ends well, 1 where it raises.

    `may_ask`: what it asks is answered at this terminal. Ctrl+C interrupts this code alone;
    where that has not begun, it only leaves. Raises KernelDied where the kernel ends.
    """
    kernel = find_living(word)
    client = client_of(kernel)
    client.start_channels(hb=False)
    try:
        with ProgressLine(f"waiting until {kernel.name} runs nothing"):
            client.wait_for_ready()
        return _Run(client, kernel.id, may_ask=may_ask).to_its_end(code)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        client.stop_channels()


def read_code(source: str) -> str:
    """Return the code in a file; "-" is standard input. Raises KernelError."""
    if source == STDIN:
        return sys.stdin.read()
    try:
        return Path(source).read_text("utf-8")
    except OSError as error:
        raise KernelError(f"cannot read {source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KernelError(f"{source} is no UTF-8 text") from None


class _Run:
    """One piece of code in one kernel."""

    def __init__(self, client: BlockingKernelClient, kernel_id: str, *, may_ask: bool) -> None:
        self._client = client
        self._kernel_id = kernel_id
        self._may_ask = may_ask
        self._printers = {"stdout": Printer(sys.stdout), "stderr": Printer(sys.stderr)}
        self._keyboard = Keyboard()
        self._has_told_error = False
        self._begun = ""
        """Its msg_id, once the kernel runs it."""

    def to_its_end(self, code: str) -> int:
        """Return the exit code. Raises KeyboardInterrupt for Ctrl+C before it has begun."""
        answer = partial(answer_prompt, self._client, self._keyboard)
        try:
            reply = self._client.execute_interactive(
                code, allow_stdin=self._may_ask, output_hook=self._show, stdin_hook=answer
            )
        except KeyboardInterrupt:
            if not self._begun:
                raise
            act(Verb.INTERRUPT, [self._kernel_id])
            run_interactively(
                self._client, self._begun, None, self._show, answer, may_ask=self._may_ask
            )
            return INTERRUPTED
        else:
            return self._conclude(reply["content"])
        finally:
            for printer in self._printers.values():
                printer.end_line()

    def _conclude(self, reply: Content) -> int:
        """Return the exit code, and tell what iopub has not told."""
        if fields.text(reply, "status") == "ok":
            return 0
        if not self._has_told_error:
            if was_aborted(reply):
                self._print_lines("stderr", NOT_RUN)
            else:
                self._tell_error(reply)
        return FAILED

    def _show(self, message: Message) -> None:
        self._begun = parent_id(message)
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                name = "stderr" if content.get("name") == "stderr" else "stdout"
                self._printers[name].write(fields.text(content, "text"))
            case "execute_result" | "display_data":
                data = fields.mapping(content, "data")
                self._print_lines("stdout", fields.text(data, "text/plain"))
            case "error":
                self._tell_error(content)

    def _tell_error(self, content: Content) -> None:
        self._has_told_error = True
        names = (fields.text(content, "ename"), fields.text(content, "evalue"))
        told = "\n".join(fields.texts(content, "traceback")) or ": ".join(filter(None, names))
        self._print_lines("stderr", told)

    def _print_lines(self, name: str, text: str) -> None:
        self._printers[name].end_line()
        self._printers[name].write(f"{text}\n")
