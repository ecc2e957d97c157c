"""The user's pager: a text in a program that the user knows, while the dashboard is away."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerneltui.private_file import write_new

USUAL = "less"


def page(text: str) -> str:
    """Show `text`, and return when the user has left it; return what went wrong, or "".

    The terminal has to be free: call it inside of `App.suspend`.
    """
    try:
        command = shlex.split(os.environ.get("PAGER", "")) or [USUAL]
    except ValueError as error:
        return f"cannot read $PAGER: {error}"
    with tempfile.TemporaryDirectory(prefix="kerneltui-") as folder, _interrupts_ignored():
        path = Path(folder) / "output.txt"
        write_new(path, text.encode("utf-8", "replace"))
        try:
            _run([*command, str(path)])
        except OSError as error:
            return f"cannot run {command[0]}: {error.strerror}; $PAGER names another one"
    return ""


def _run(command: list[str]) -> None:
    """Run a program in our terminal until it ends. Raises OSError if there is none."""
    pid = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGINT])
    is_stopped = True
    while is_stopped:
        # A stop wakes us too: a Ctrl+Z that came just before the wait would else stop the pager
        # alone, and this process, whose Python has not run its handler yet, would wait for it.
        _, status = os.waitpid(pid, os.WUNTRACED)
        is_stopped = os.WIFSTOPPED(status)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let Ctrl+C reach the pager alone."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
