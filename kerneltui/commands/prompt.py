"""Answers a kernel's input requests at this terminal, and notices the kernel's end meanwhile."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import termios
from collections.abc import Callable, Iterator
from functools import partial

from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.client.interactive import END_OF_INPUT
from kerneltui.protocol import fields
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.text import clean_line

CHUNK = 4096  # bytes; more than a terminal hands over as one line


class Keyboard:
    """Reads lines from standard input; unlike `input()`, it can be polled together with sockets."""

    channel = "keyboard"

    def __init__(self) -> None:
        self._typed = b""
        self._is_at_end = False
        self._fd: int | None = None
        with contextlib.suppress(AttributeError, ValueError, io.UnsupportedOperation):
            self._fd = sys.stdin.fileno()  # there is none if stdin was closed

    @property
    def is_there(self) -> bool:
        return self._fd is not None

    def opened(self) -> int:
        """Return the descriptor that becomes readable."""
        if self._fd is None:
            raise RuntimeError("there is no standard input")
        return self._fd

    def take_line(self) -> str | None:
        """Return a line without its newline; None if there is none yet. Raises EOFError."""
        line, end, rest = self._typed.partition(b"\n")
        if not end:
            if not self._is_at_end:
                return None
            if not line:
                raise EOFError
        self._typed = rest
        return line.decode("utf-8", "replace")

    def take_in(self) -> None:
        """Read what was typed, if anything was."""
        poller = select.poll()
        poller.register(self.opened(), select.POLLIN)
        if poller.poll(0):
            read = os.read(self.opened(), CHUNK)
            self._typed += read
            self._is_at_end |= not read

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Do not show what is typed."""
        if self._fd is None or not os.isatty(self._fd):
            yield
            return
        before = termios.tcgetattr(self._fd)
        changed = [*before]
        changed[3] &= ~termios.ECHO
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, changed)
        try:
            yield
        finally:
            termios.tcsetattr(self._fd, termios.TCSAFLUSH, before)


def answer_prompt(
    client: BlockingKernelClient,
    keyboard: Keyboard,
    message: Message,
    deadline: float | None = None,
) -> None:
    """Ask the user at this terminal, and send the kernel what they type.

    Nothing is sent if the cell ends meanwhile, or asks again. Raises KernelDied, and KernelTimeout
    at the deadline, an instant of `time.monotonic()`.
    """
    content = message["content"]
    read = partial(_typed, client, keyboard, parent_id(message), deadline)
    line = ask(fields.text(content, "prompt"), keyboard, read, hidden=bool(content.get("password")))
    if line is not None:
        client.input(line)


def ask(
    text: str, keyboard: Keyboard, read: Callable[[], str | None], *, hidden: bool
) -> str | None:
    """Print a prompt, and return the line that `read` takes from the keyboard, None for none.

    `hidden`: do not show what is typed.
    """
    stream, line = sys.stderr if hidden else sys.stdout, None
    stream.write(clean_line(text))
    stream.flush()
    try:
        with keyboard.hidden() if hidden else contextlib.nullcontext():
            line = read()
    finally:
        if hidden or line is None:  # the user's newline is not on the screen
            stream.write("\n")
    return line


def _typed(
    client: BlockingKernelClient, keyboard: Keyboard, request: str, deadline: float | None
) -> str | None:
    """Return the line that was typed; None if the kernel does not wait for it any more."""
    while keyboard.is_there:
        try:
            line = keyboard.take_line()
        except EOFError:
            break
        if line is not None:
            return line
        channels = (client.shell_channel, client.stdin_channel)
        if any(channel.has_answer(request) for channel in channels):
            return None
        client.wait_readable((*channels, keyboard), deadline, client.process_asked(request))
        keyboard.take_in()
    return END_OF_INPUT
