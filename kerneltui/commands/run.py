"""`kerneltui run`: code in one kernel, its output here, its end as an exit code."""

from __future__ import annotations

import sys
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import Any

from kerneltui.commands.living import attached, find_living
from kerneltui.commands.printing import Printer, Progress
from kerneltui.commands.verbs import act
from kerneltui.errors import KernelError
from kerneltui.kernels.client import BlockingKernelClient
from kerneltui.kernels.interactive import END_OF_INPUT, run_interactively
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.text import clean_line

INTERRUPTED = 130  # the shell's exit code for Ctrl+C
FAILED = 1
STDIN = "-"


def run(word: str, code: str, *, may_ask: bool) -> int:
    """Run code in a kernel and print what it says; 0 where it ends well, 1 where it raises.

    `may_ask`: what it asks is answered at this terminal. Ctrl+C interrupts this code alone;
    where that has not begun, it only leaves. Raises KernelDied where the kernel ends.
    """
    kernel = find_living(word)
    client = attached(kernel).client()
    client.start_channels(hb=False)
    try:
        with Progress(f"waiting until {kernel.name} runs nothing"):
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
        self._begun = ""
        """Its msg_id, once the kernel runs it."""

    def to_its_end(self, code: str) -> int:
        """Return the exit code. Raises KeyboardInterrupt for Ctrl+C before it has begun."""
        answer = partial(_answer, self._client)
        try:
            reply = self._client.execute_interactive(
                code, allow_stdin=self._may_ask, output_hook=self._show, stdin_hook=answer
            )
        except KeyboardInterrupt:
            if not self._begun:
                raise
            act("interrupt", [self._kernel_id])
            run_interactively(
                self._client, self._begun, None, self._show, answer, may_ask=self._may_ask
            )
            return INTERRUPTED
        finally:
            for printer in self._printers.values():
                printer.end_line()
        return 0 if reply["content"].get("status") == "ok" else FAILED

    def _show(self, message: Message) -> None:
        self._begun = parent_id(message)
        content: dict[str, Any] = dict(message["content"])
        match message["msg_type"]:
            case "stream":
                name = "stderr" if content.get("name") == "stderr" else "stdout"
                self._printers[name].write(_text(content.get("text")))
            case "execute_result" | "display_data":
                data = content.get("data")
                text = data.get("text/plain") if isinstance(data, dict) else None
                self._print_lines("stdout", _text(text))
            case "error":
                lines = content.get("traceback")
                told = "\n".join(map(_text, lines)) if isinstance(lines, list) else ""
                self._print_lines("stderr", told)

    def _print_lines(self, name: str, text: str) -> None:
        self._printers[name].end_line()
        self._printers[name].write(f"{text}\n")


def _answer(client: BlockingKernelClient, message: Message) -> None:
    """Ask the person at this terminal, and send what they type."""
    prompt = clean_line(_text(message["content"].get("prompt")))
    try:
        value = getpass(prompt) if message["content"].get("password") else input(prompt)
    except EOFError:
        value = END_OF_INPUT
    client.input(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
