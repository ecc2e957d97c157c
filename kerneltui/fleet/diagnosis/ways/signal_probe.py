"""Reads the stack that a Python kernel writes to its log at a signal."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

from kerneltui.fleet.diagnosis.faulthandler_text import is_begun, parse_dump
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.stack_signal import hooked_signal, is_caught
from kerneltui.private_file import open_private

PATIENCE = 1.0  # seconds for a process to get the signal and to write
SETTLED = 0.02  # seconds without a further line, after which the dump is complete
LOOK = 0.002  # seconds between two looks
MAX_DUMP = 1_000_000  # bytes


def look_by_signal(identity: ProcessIdentity, log: Path) -> Found:
    """Have a process write its stacks, and read them. Raises CannotLook.

    It is not signalled unless it catches the signal, which would end it otherwise.
    """
    signum = _hooked(identity.pid)
    thread = choose_thread(identity.pid, thread_states(identity.pid), signum)
    try:
        fd = open_private(log)
    except OSError:
        raise CannotLook("its log cannot be read") from None
    try:
        begin = os.fstat(fd).st_size
        if not is_caught(identity.pid, signum) or not identity.is_alive():
            raise CannotLook(f"it does not catch {name_of(signum)} any more")
        _signal_thread(identity.pid, thread, signum)
        return Found(parse_dump(_read_dump(fd, begin)))
    except OSError as error:
        raise CannotLook(f"it cannot be signalled: {error.strerror}") from None
    finally:
        os.close(fd)


class ThreadState(NamedTuple):
    """The facts that tell whether a thread may be signalled."""

    tid: int
    state: str
    blocked: int
    """Bit mask of the signals that it blocks now."""


def choose_thread(pid: int, threads: Iterable[ThreadState], signum: int) -> int:
    """Return the thread whose signal disturbs least. Raises CannotLook.

    A signal may end a waiting call early. So a main thread that waits does not get it; the oldest
    other thread does, which is the kernel's own. A main thread that runs gets it, as its frames
    would change while another thread reads them.
    """
    open_to = {each.tid: each for each in threads if not each.blocked >> (signum - 1) & 1}
    main = open_to.pop(pid, None)
    if main is not None and (main.state == "R" or not open_to):
        return pid
    if not open_to:
        raise CannotLook(f"no thread of it takes {name_of(signum)} now")
    return min(open_to)


def thread_states(pid: int) -> list[ThreadState]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError, ValueError):  # it ended meanwhile
            text = path.read_text(encoding="utf-8", errors="replace")
            words = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            blocked = int(words.get("SigBlk", "0"), 16)
            found.append(ThreadState(int(path.parent.name), words.get("State", "?")[0], blocked))
    return found


def _signal_thread(pid: int, tid: int, signum: int) -> None:
    """Signal one thread. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "tgkill"):  # an old libc
        os.kill(pid, signum)
    elif libc.tgkill(pid, tid, signum):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def name_of(signum: int) -> str:
    """Return the usual name of a signal: "SIGRTMIN+8"."""
    if signum in signal.Signals.__members__.values():
        return signal.Signals(signum).name
    return f"SIGRTMIN+{signum - signal.SIGRTMIN}"


def _hooked(pid: int) -> int:
    try:
        signum = hooked_signal(psutil.Process(pid).environ())
    except psutil.Error:
        signum = None
    if signum is None:
        raise CannotLook("it was not started to tell its stacks at a signal")
    return signum


def _read_dump(fd: int, begin: int) -> str:
    """Return what is written to the log from `begin` on, until no more comes."""
    text, settled_at = "", 0.0
    deadline = time.monotonic() + PATIENCE
    while (now := time.monotonic()) < deadline:
        begin = min(begin, os.fstat(fd).st_size)  # the log may be cut meanwhile
        fresh = os.pread(fd, MAX_DUMP, begin).decode("utf-8", "replace")
        if fresh != text:
            text, settled_at = fresh, now + SETTLED
        elif is_begun(text) and now >= settled_at:
            return text
        time.sleep(LOOK)
    if is_begun(text):
        return text
    raise CannotLook(f"it has not written its stacks within {PATIENCE:g} s")
