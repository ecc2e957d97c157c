"""Shows a text in the user's pager, while the dashboard is suspended."""

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
    """Show `text` until the user quits the pager; return what went wrong, or "".

    The terminal must be free: call it inside `App.suspend`.
    """
    try:
        command = shlex.split(os.environ.get("PAGER", "")) or [USUAL]
    except ValueError as error:
        return f"cannot read $PAGER: {error}"
    try:
        with tempfile.TemporaryDirectory(prefix="kerneltui-") as folder, _interrupts_ignored():
            path = Path(folder) / "output.txt"
            write_new(path, text.encode("utf-8", "replace"))
            return _run([*command, str(path)])
    except OSError as error:
        return f"cannot write a file for {command[0]}: {error.strerror}"


def _run(command: list[str]) -> str:
    """Run a program in our terminal until it ends; return why it cannot be run, or ""."""
    try:
        pid = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGINT])
    except OSError as error:
        return f"cannot run {command[0]}: {error.strerror}; $PAGER names another one"
    is_stopped = True
    while is_stopped:
        # Return at a stop too: if Ctrl+Z comes just before the wait, the pager stops, but this
        # process has not run its Python handler yet, and would wait for the stopped pager.
        _, status = os.waitpid(pid, os.WUNTRACED)
        is_stopped = os.WIFSTOPPED(status)
    return ""


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore SIGINT here, so that Ctrl+C reaches only the pager."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
