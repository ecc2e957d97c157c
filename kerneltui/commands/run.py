"""`kerneltui run`, `wait` and `logs`: what a script wants of one kernel."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from kerneltui.commands.listing import Listed, find, list_all
from kerneltui.commands.printing import Printer, Progress
from kerneltui.commands.verbs import act
from kerneltui.errors import KernelDied, KernelError, KernelTimeout
from kerneltui.fleet.origin import Origin
from kerneltui.kernels.client import BlockingKernelClient
from kerneltui.kernels.logfile import LogFile
from kerneltui.protocol.message import Message
from kerneltui.protocol.status import KernelState

INTERRUPTED = 130  # the shell's exit code for Ctrl+C
POLL = 0.2  # seconds between two looks
CHUNK = 65536  # bytes of a log


def run(word: str, code: str) -> int:
    """Run code in a kernel and print what it says; 0 where it ends well, 1 where it raises."""
    kernel = _living(word)
    client = BlockingKernelClient(connection_file=kernel.connection_file)
    client.load_connection_file()
    client.start_channels()
    printers = {"stdout": Printer(sys.stdout), "stderr": Printer(sys.stderr)}
    try:
        client.wait_for_ready()
        reply = client.execute_interactive(
            code, allow_stdin=False, output_hook=lambda message: _print(message, printers)
        )
    except KeyboardInterrupt:
        act("interrupt", [kernel.id])
        return INTERRUPTED
    finally:
        client.stop_channels()
        for printer in printers.values():
            printer.end_line()
    return 0 if reply["content"].get("status") == "ok" else 1


def wait_idle(word: str, timeout: float | None) -> int:
    """Return once the kernel runs nothing. Raises KernelTimeout, and KernelDied where it ends."""
    deadline = None if timeout is None else time.monotonic() + timeout
    kernel = _living(word)
    with Progress(f"waiting until {kernel.name} runs nothing") as progress:
        while True:
            kernel = find(list_all(), kernel.id)
            if kernel.state == KernelState.IDLE:
                return 0
            if kernel.pid is None:
                raise KernelDied(f"{kernel.name} died", None, ())
            if deadline is not None and time.monotonic() >= deadline:
                raise KernelTimeout(f"{kernel.name} is {kernel.state} after {timeout:g} s")
            progress.tick()
            time.sleep(POLL)


def logs(word: str, *, follow: bool) -> int:
    """Print what the kernel's process wrote; with `follow` go on until it has ended."""
    kernel = find(list_all(within=0), word)
    if kernel.origin != Origin.KERNELTUI:
        raise KernelError(f"what {kernel.name} writes went where its owner wanted: {kernel.origin}")
    path = LogFile.beside(kernel.connection_file, kernel.id).path
    printer = Printer(sys.stdout)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f"cannot read {path}: {error.strerror}") from None
    with os.fdopen(fd, "rb") as file:
        while True:
            while text := file.read(CHUNK):
                printer.write(text.decode("utf-8", "replace"))
            if not follow or find(list_all(within=0), kernel.id).pid is None:
                return 0
            time.sleep(POLL)
            if path.exists() and path.stat().st_size < file.tell():  # it was cut: the end is kept
                file.seek(0)


def read_code(source: str) -> str:
    """Return the code in a file; "-" is standard input. Raises KernelError."""
    if source == "-":
        return sys.stdin.read()
    try:
        return Path(source).read_text("utf-8")
    except OSError as error:
        raise KernelError(f"cannot read {source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KernelError(f"{source} is no UTF-8 text") from None


def _living(word: str) -> Listed:
    kernel = find(list_all(within=0), word)
    if kernel.pid is None:
        raise KernelError(f"{kernel.name} is {kernel.state}; kerneltui restart {kernel.name}")
    return kernel


def _print(message: Message, printers: dict[str, Printer]) -> None:
    content: dict[str, Any] = dict(message["content"])
    match message["msg_type"]:
        case "stream":
            name = "stderr" if content.get("name") == "stderr" else "stdout"
            printers[name].write(_text(content.get("text")))
        case "execute_result" | "display_data":
            data = content.get("data")
            text = data.get("text/plain") if isinstance(data, dict) else None
            printers["stdout"].end_line()
            printers["stdout"].write(f"{_text(text)}\n")
        case "error":
            lines = content.get("traceback")
            told = "\n".join(map(_text, lines)) if isinstance(lines, list) else ""
            printers["stderr"].end_line()
            printers["stderr"].write(f"{told}\n")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
