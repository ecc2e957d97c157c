"""Reads the stack of a Python 3.14 process by `sys.remote_exec`, from a Python 3.14 of ours.

The process runs our program between two steps of its main thread. While the main thread waits in a
call, that would be late, so it is not asked then. A program that it has not begun in time is taken
back.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kerneltui.fleet.diagnosis.question import read_threads, script_for_stacks
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found
from kerneltui.fleet.diagnosis.ways.signal_probe import thread_states
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.private_file import read_private

PATIENCE = 0.4  # seconds for the main thread to come to its next step, and to write
LATE = 0.05  # seconds more for a program that it may have begun at the last moment
LOOK = 0.002  # seconds between two looks
WAITING = 10  # looks that all find the main thread asleep: then it does not only wait for its turn
MAX_ANSWER = 4_000_000  # bytes
NOTHING = os.devnull
"""An empty program, which still exists whenever it is run."""


def is_remote_exec_there() -> bool:
    return hasattr(sys, "remote_exec") and Path("/proc/self/task").is_dir()


def look_by_remote_exec(identity: ProcessIdentity) -> Found:
    """Have a process write its stacks to a private file. Raises CannotLook."""
    if not identity.is_alive():
        raise CannotLook("its process is gone")
    if _is_waiting(identity.pid):
        raise CannotLook("its main thread waits in a call, and would only tell after that")
    with tempfile.TemporaryDirectory(prefix="kerneltui-", ignore_cleanup_errors=True) as folder:
        script, answer = Path(folder, "ask.py"), Path(folder, "answer.json")
        script.write_text(script_for_stacks(str(answer)), encoding="utf-8")
        if not _sees(identity.pid, script):
            raise CannotLook("it has another file system")
        _run_inside(identity.pid, str(script))
        if not (_comes(answer.exists, PATIENCE) or _is_late(identity, answer)):
            raise CannotLook(f"no answer within {PATIENCE:g} s")
        try:
            threads = read_threads(json.loads(read_private(answer, MAX_ANSWER)))
        except (OSError, ValueError, RecursionError):
            raise CannotLook("its answer cannot be read") from None
    if not threads:
        raise CannotLook("it has told no thread")
    return Found(threads)


def _is_late(identity: ProcessIdentity, answer: Path) -> bool:
    """Take back a program that was not begun, else wait; tell whether the answer has come."""
    with contextlib.suppress(CannotLook):  # it has ended
        _run_inside(identity.pid, NOTHING)
    return _comes(answer.exists, LATE)


def _run_inside(pid: int, script: str) -> None:
    """Have a process run a program at its next step, in place of one that it has not begun."""
    remote_exec: Callable[[int, str], None] = getattr(sys, "remote_exec")  # noqa: B009 -- not in 3.11
    try:
        remote_exec(pid, script)
    except (OSError, RuntimeError) as error:
        raise CannotLook(str(error.__cause__ or error)) from None


def _is_waiting(pid: int) -> bool:
    """Tell whether the main thread was asleep at each of several looks."""
    return not _comes(lambda: _main_state(pid) != "S", WAITING * LOOK)


def _main_state(pid: int) -> str:
    return next((each.state for each in thread_states(pid) if each.tid == pid), "")


def _sees(pid: int, file: Path) -> bool:
    """Tell whether a process finds the same file at a path as we do."""
    try:
        return Path(f"/proc/{pid}/root{file}").samefile(file)
    except OSError:
        return False


def _comes(is_there: Callable[[], bool], within: float) -> bool:
    deadline = time.monotonic() + within
    while not is_there():
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK)
    return True
