"""Find the process that serves a kernel.

The launched program may only wrap the kernel. A process that the kernel has forked has its
sockets, but does not serve it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from kerneltui.kernels.connection.connection_file import ConnectionFileMixin
from kerneltui.kernels.connection.listeners import eldest, listeners, listens, owner
from kerneltui.kernels.connection.presence import names_file, open_connection, somebody_speaks
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.processes.stat import has_threads
from kerneltui.kernels.processes.tree import relatives
from kerneltui.kernels.processes.wrapped import WrappedProcess
from kerneltui.protocol.connection import ConnectionInfo

LATE_GREETING = 2.0  # seconds more, if it may have zmq's thread; the ends of others wait, too


class ServerSearch:
    """Looks for the process that serves a kernel; it may not be the launched program."""

    def __init__(self, connection: ConnectionFileMixin, is_ours: Callable[[], bool]) -> None:
        """`is_ours`: tells whether the kernel was launched or adopted here, with its relatives."""
        self._connection = connection
        self._is_ours = is_ours

    def follow(self, life: Lifecycle) -> None:
        """Have `life` follow the process that serves the kernel. No effect before it listens.

        If the present process has ended and that was not recorded yet, it is recorded here.
        """
        process = life.process
        if process is None or life.is_proven(process):
            return
        if process.exited and not life.status.exited:
            life.record_exit(process)
            return
        if not self._is_searchable:
            return
        try:
            serving = serving_process(process.launched, self._connection.connection_info)
        except OSError:  # for example, if too many files are open: unknown now
            return
        if serving == process.identity:
            life.prove(process)
        elif serving is not None:
            life.hand_over(process, WrappedProcess(process, serving))

    def find_heir(self, ended: KernelProcess) -> KernelProcess | None:
        """Return the process that serves the kernel after its own has ended; None if none does."""
        if not self._is_searchable:
            return None
        info = self._connection.connection_info
        try:
            found = holder(info, ended.launched, self._connection.connection_file)
            return WrappedProcess(ended, found) if found and serves(found, info) else None
        except OSError:  # too many files are open; the death must be told nevertheless
            return None

    @property
    def _is_searchable(self) -> bool:
        """Its relatives are ours, and its ports are known."""
        return self._is_ours() and all(self._connection.ports)


def serving_process(launched: ProcessIdentity, info: ConnectionInfo) -> ProcessIdentity | None:
    """Return the process that listens for a kernel: the launched one or a relative of it.

    If several listen it is the oldest: the processes that a kernel has forked have its sockets as
    well. None while none listens. None also if the launched process has ended: it may have been the
    kernel.
    """
    if listens(launched.pid, info):  # the usual case: no other process is looked at
        return launched
    family = sorted(relatives(launched), key=lambda each: each.start_ticks)
    found = next((each for each in family if listens(each.pid, info)), None)
    return found if launched.is_alive() else None


def holder(
    info: ConnectionInfo, launched: ProcessIdentity | None, connection_file: str
) -> ProcessIdentity | None:
    """Return the process that has a kernel's sockets, if it belongs to the launched process.

    The launched process may have ended, or be unknown. The process that is returned may be a fork
    that the kernel left behind: that has the sockets but does not serve them. Only
    `somebody_speaks` can tell.
    """
    if not _is_connectable(info):
        return None
    pid = owner(info, listeners()).pid
    found = None if pid is None else identify(eldest(pid, info))
    return found if found and _belongs(found, launched, info, connection_file) else None


def serves(found: ProcessIdentity, info: ConnectionInfo) -> bool:
    """Tell whether a process that has a kernel's sockets serves them.

    A fork has them too, but only one thread; zmq greets in a thread of its own, which a busy host
    may not run in time.
    """
    speaks = somebody_speaks(info)
    if speaks is None and has_threads(found.pid):
        speaks = somebody_speaks(info, within=LATE_GREETING)
    return bool(speaks)


def _belongs(
    found: ProcessIdentity,
    launched: ProcessIdentity | None,
    info: ConnectionInfo,
    connection_file: str,
) -> bool:
    """Tell whether a process at a kernel's ports is its relative, not one that took them since.

    An ipc path was chosen by us: no other program has a socket there.
    """
    if info.transport == "ipc" or (launched is not None and found in relatives(launched)):
        return True
    return names_file(found.pid, connection_file)


def _is_connectable(info: ConnectionInfo) -> bool:
    """Tell, in microseconds, whether a process listens for a kernel."""
    with contextlib.suppress(OSError), open_connection(info):
        return True
    return False
