"""ExitFd: a descriptor that becomes readable when a process exits, on each kind of system."""

from __future__ import annotations

import errno
import os
import select
import sys
import time
import weakref
from functools import partial

from kerneltui.kernels.processes.guarded_thread import PAUSE, Failures, GuardedThread
from kerneltui.kernels.processes.identity import ProcessIdentity, identify

LOOK = 0.5  # seconds between two looks at another process's child, if the system does not report it


class ExitFd:
    """Owns a descriptor of `open_exit_fd`; closes it when the object is no longer used."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        # Not closed when the interpreter exits: exit handlers end kernels. A thread that still
        # polls it would see a false end, or another file with the same number.
        weakref.finalize(self, os.close, fd).atexit = False

    def fileno(self) -> int:
        return self._fd

    def wait(self, timeout: float | None) -> bool:
        """Tell whether the process has exited within `timeout` seconds; None waits for ever."""
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        return bool(poller.poll(None if timeout is None else max(0.0, timeout) * 1000))


def open_exit_fd(pid: int) -> int:
    """Return a descriptor that becomes readable when process `pid` exits, and stays so.

    It can be polled beside sockets, before or after the exit, by any number of pollers.
    """
    if sys.platform == "darwin":
        return _open_kqueue(pid)
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):  # an old system, or one that forbids it
            raise
        return _open_pipe(pid)


def _open_kqueue(pid: int) -> int:
    queue = select.kqueue()  # type: ignore[attr-defined, unused-ignore]  # not on Linux
    event = select.kevent(  # type: ignore[attr-defined, unused-ignore]
        pid,
        select.KQ_FILTER_PROC,  # type: ignore[attr-defined, unused-ignore]
        select.KQ_EV_ADD,  # type: ignore[attr-defined, unused-ignore]
        select.KQ_NOTE_EXIT,  # type: ignore[attr-defined, unused-ignore]
    )
    try:
        queue.control([event], 0)
        return os.dup(queue.fileno())
    except ProcessLookupError:  # it has already exited, though it may be unreaped
        return exited_fd()
    finally:
        queue.close()


def exited_fd() -> int:
    """Return a descriptor that is always readable, like that of a process that has exited."""
    reader, writer = os.pipe()
    os.close(writer)
    return reader


def _open_pipe(pid: int) -> int:
    meant = identify(pid)
    reader, writer = os.pipe()
    GuardedThread(partial(_close_on_exit, pid, meant, writer), f"kernel-exit-{pid}").start()
    return reader


def _close_on_exit(pid: int, meant: ProcessIdentity | None, writer: int) -> None:
    failures = Failures(f"waiting for the exit of process {pid}")
    while not failures.attempt(partial(_wait_for_exit, pid, meant)):  # an error is not its exit
        time.sleep(PAUSE)
    os.close(writer)  # the reader's end becomes readable for good


def _wait_for_exit(pid: int, meant: ProcessIdentity | None) -> None:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # seen, not reaped: Popen does that
    except ChildProcessError:  # reaped before this thread looked, or another process's child
        while meant is not None and meant.is_alive():
            time.sleep(LOOK)
