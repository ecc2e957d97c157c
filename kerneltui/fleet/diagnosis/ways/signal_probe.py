"""Reads the stacks that the threads of a Python kernel write to its log at a signal.

Rule: a thread writes its own stack. If it wrote those of others, they could go on meanwhile, and
to read a stack that changes can end the kernel. Only where no thread can run any Python, as one
that waits holds the GIL, one thread writes all stacks: so the call that waits is not cut short.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from kerneltui.fleet.diagnosis.faulthandler_text import is_begun, parse_all, parse_own
from kerneltui.fleet.diagnosis.stack import MAIN, StackThread, main_first
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.stack_signal import StackSignals, hooked_signals, is_caught
from kerneltui.private_file import open_private
from kerneltui.words import counted

PATIENCE = 1.0  # seconds for a thread to get the signal and to write
OTHERS_PATIENCE = 1.0  # seconds for all threads but the main one
LOOK = 0.001  # seconds between two looks
SAMPLES = 50  # looks at the threads until all of them wait
SILENT = 5  # looks after which a thread that has got the signal and writes nothing runs no Python
MAX_DUMP = 1_000_000  # bytes


class ThreadState(NamedTuple):
    """What tells whether a thread may be signalled, and whether its handler has returned."""

    tid: int
    state: str
    held: int
    """Bit mask of the signals that wait for it, or that it blocks, as while it handles them."""

    def takes(self, signum: int) -> bool:
        return not self.held >> (signum - 1) & 1


def look_by_signal(identity: ProcessIdentity, log: Path, *, is_silent: bool) -> Found:
    """Have the threads of a process write their stacks, and read them. Raises CannotLook.

    It is not signalled unless it catches the signal, which would end it otherwise. `is_silent`: it
    has not answered a question that any of its threads could have answered.
    """
    signals = _hooked(identity.pid)
    try:
        fd = open_private(log)
    except OSError:
        raise CannotLook("its log cannot be read") from None
    try:
        return _Look(identity, fd, signals).stacks(is_silent=is_silent)
    except OSError as error:
        raise CannotLook(f"it cannot be signalled: {error.strerror}") from None
    finally:
        os.close(fd)


class _Look:
    """One look at one process."""

    def __init__(self, identity: ProcessIdentity, log: int, signals: StackSignals) -> None:
        self._identity = identity
        self._pid = identity.pid
        self._log = log
        self._signals = signals

    def stacks(self, *, is_silent: bool) -> Found:
        own, for_all = self._signals
        if is_silent and for_all is not None and (writer := self._writer_for_all(for_all)):
            if not (threads := parse_all(self._written(writer, for_all))):
                raise CannotLook("it has written nothing")
            return Found(threads)
        main, *others = takers(self._pid, thread_states(self._pid), own)
        first = self._thread(main)
        if not first.frames:
            raise CannotLook("its main thread has written nothing")
        told = list(self._told_in_time(others))
        untold = len(others) - len(told)
        notes = (f"{counted(untold, 'thread')} not told, for want of time",) if untold else ()
        return Found(main_first([first, *(each for each in told if each.frames)]), notes)

    def _writer_for_all(self, signum: int) -> int | None:
        """Return the thread that is to write all stacks; None if each must write its own.

        Those that wait for the GIL wake up for a moment now and then, so they are looked at again.
        """
        for _ in range(SAMPLES):
            threads = thread_states(self._pid)
            if (writer := writer_for_all(self._pid, threads, signum)) is not None:
                return writer
            time.sleep(LOOK)
        return None

    def _told_in_time(self, tids: Sequence[int]) -> Iterator[StackThread]:
        """Yield what the threads tell, up to the first one that does not tell in time."""
        deadline = time.monotonic() + OTHERS_PATIENCE
        for tid in tids:
            try:
                yield self._thread(tid)
            except CannotLook:
                return  # what it writes later must not be taken for another thread's
            if time.monotonic() > deadline:
                return

    def _thread(self, tid: int) -> StackThread:
        frames = parse_own(self._written(tid, self._signals.own))
        is_main = tid == self._pid
        return StackThread(MAIN if is_main else f"thread {tid}", is_main, frames)

    def _written(self, tid: int, signum: int) -> str:
        """Signal a thread, and return what it writes; "" if it has ended, or runs no Python.

        Raises CannotLook, or OSError.
        """
        if not is_caught(self._pid, signum) or not self._identity.is_alive():
            raise CannotLook(f"it does not catch {name_of(signum)} any more")
        try:
            return self._answer(tid, signum)
        except ProcessLookupError:
            return ""

    def _answer(self, tid: int, signum: int) -> str:
        begin = os.fstat(self._log).st_size
        _signal_thread(self._pid, tid, signum)
        deadline, silent = time.monotonic() + PATIENCE, 0
        while time.monotonic() < deadline and silent < SILENT:
            begin = min(begin, os.fstat(self._log).st_size)  # the log may be cut meanwhile
            has_begun = is_begun(self._text(begin))
            if read_thread(self._pid, tid).takes(signum):
                if has_begun:  # before its handler was seen to have returned, so this is all
                    return self._text(begin)
                silent += 1
            time.sleep(LOOK)
        if silent < SILENT:
            raise CannotLook(f"it has not written its stacks within {PATIENCE:g} s")
        return ""

    def _text(self, begin: int) -> str:
        return os.pread(self._log, MAX_DUMP, begin).decode("utf-8", "replace")


def takers(pid: int, threads: Sequence[ThreadState], signum: int) -> list[int]:
    """Return the threads to signal, the main one first, then the oldest. Raises CannotLook."""
    tids = sorted(each.tid for each in threads if each.takes(signum))
    if pid not in tids:
        raise CannotLook(f"its main thread does not take {name_of(signum)} now")
    return sorted(tids, key=lambda tid: tid != pid)


def writer_for_all(pid: int, threads: Sequence[ThreadState], signum: int) -> int | None:
    """Return the thread that is to write all stacks; None if each must write its own.

    A signal may cut short a call that waits, so it is not the main one.
    """
    if any(each.state == "R" for each in threads):
        return None
    return min(
        (each.tid for each in threads if each.tid != pid and each.takes(signum)), default=None
    )


def thread_states(pid: int) -> list[ThreadState]:
    found = []
    for folder in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            found.append(read_thread(pid, int(folder.name)))
    return found


def read_thread(pid: int, tid: int) -> ThreadState:
    """Return the state of a thread. Raises ProcessLookupError if it is gone."""
    try:
        text = Path(f"/proc/{pid}/task/{tid}/status").read_text("utf-8", errors="replace")
    except FileNotFoundError:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH)) from None
    words = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    held = int(words.get("SigBlk", "0"), 16) | int(words.get("SigPnd", "0"), 16)
    return ThreadState(tid, words.get("State", "?")[0], held)


def _signal_thread(pid: int, tid: int, signum: int) -> None:
    """Signal one thread. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "tgkill"):
        raise CannotLook("the system's libc is too old to signal one thread")
    if libc.tgkill(pid, tid, signum):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def name_of(signum: int) -> str:
    """Return the usual name of a signal: "SIGRTMIN+8"."""
    if signum in signal.Signals.__members__.values():
        return signal.Signals(signum).name
    return f"SIGRTMIN+{signum - signal.SIGRTMIN}"


def _hooked(pid: int) -> StackSignals:
    try:
        signals = hooked_signals(psutil.Process(pid).environ())
    except psutil.Error:
        signals = None
    if signals is None:
        raise CannotLook("it was not started to tell its stacks at a signal")
    return signals
