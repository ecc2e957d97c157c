"""A descriptor that becomes readable when a process exits, on each kind of system."""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
import time

from kerneltui.kernels.identity import identify

LOOK = 0.5  # seconds between two looks at somebody else's child, where the system tells nothing


def open_exit_fd(pid: int) -> int:
    """Return a descriptor that turns readable when process `pid` exits, and stays so.

    It can be polled beside sockets, before or after the exit, by any number of pollers.
    """
    if sys.platform == "darwin":
        return _open_kqueue(pid)
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):  # an old or a guarded system
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
    except ProcessLookupError:  # it has already exited
        return _open_pipe(pid)
    finally:
        queue.close()


def _open_pipe(pid: int) -> int:
    reader, writer = os.pipe()
    threading.Thread(
        target=_close_on_exit, args=(pid, writer), name=f"kernel-exit-{pid}", daemon=True
    ).start()
    return reader


def _close_on_exit(pid: int, writer: int) -> None:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # seen, not reaped: Popen does that
    except ChildProcessError:  # reaped before this thread looked, or somebody else's child
        meant = identify(pid)
        while meant is not None and meant.is_alive():
            time.sleep(LOOK)
    finally:
        os.close(writer)  # the reader's end turns readable for good
