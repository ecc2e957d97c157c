"""Which process serves a kernel: what was launched may wrap it, a fork only has its sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from kerneltui.kernels.connection.connection_file import ConnectionFileMixin
from kerneltui.kernels.connection.listeners import eldest, listeners, listens, owner
from kerneltui.kernels.connection.presence import open_connection, somebody_speaks
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.processes.tree import relatives
from kerneltui.kernels.processes.wrapped import WrappedProcess
from kerneltui.protocol.connection import ConnectionInfo


class ServerSearch:
    """Looks for the process that serves a kernel, where a program was launched to run it."""

    def __init__(self, connection: ConnectionFileMixin, is_ours: Callable[[], bool]) -> None:
        """`is_ours`: tells whether the kernel was launched or adopted here, and its family too."""
        self._connection = connection
        self._is_ours = is_ours

    def follow(self, life: Lifecycle) -> None:
        """Take who serves the kernel for its process. Without effect before it listens.

        The end of a process that nobody has noticed yet is noticed here.
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
        except OSError:  # as where no more files can be opened: nobody can tell now
            return
        if serving == process.identity:
            life.prove(process)
        elif serving is not None:
            life.hand_over(process, WrappedProcess(process, serving))

    def find_heir(self, ended: KernelProcess) -> KernelProcess | None:
        """Return who serves the kernel though its process has ended; None if nothing does."""
        if not self._is_searchable:
            return None
        info = self._connection.connection_info
        try:
            found = holder(info, ended.launched, self._connection.connection_file)
            return WrappedProcess(ended, found) if found and somebody_speaks(info) else None
        except OSError:  # no more files can be opened; the death must be told all the same
            return None

    @property
    def _is_searchable(self) -> bool:
        """Its family is ours, and it has been told where to listen."""
        return self._is_ours() and all(self._connection.ports)


def serving_process(launched: ProcessIdentity, info: ConnectionInfo) -> ProcessIdentity | None:
    """Return who listens for a kernel among a launched process and its relatives.

    The eldest of several: what a kernel forks has its sockets as well. None while none listens,
    and where the launched one has ended: it may have been the kernel.
    """
    if listens(launched.pid, info):  # as a rule; then nobody else is looked at
        return launched
    family = sorted(relatives(launched), key=lambda each: each.start_ticks)
    found = next((each for each in family if listens(each.pid, info)), None)
    return found if launched.is_alive() else None


def holder(
    info: ConnectionInfo, launched: ProcessIdentity | None, connection_file: str
) -> ProcessIdentity | None:
    """Return who has a kernel's sockets and belongs to the process that was launched for it.

    That one may have ended, or be unknown. Whether what is returned serves the sockets is told
    only by its words, see `somebody_speaks`: a fork that a kernel has left has them as well.
    """
    if not _is_connectable(info):
        return None
    pid = owner(info, listeners()).pid
    found = None if pid is None else identify(eldest(pid, info))
    return found if found and _belongs(found, launched, info, connection_file) else None


def _belongs(
    found: ProcessIdentity,
    launched: ProcessIdentity | None,
    info: ConnectionInfo,
    connection_file: str,
) -> bool:
    """Tell whether a process at a kernel's ports is of its family, and no one that took them since.

    A socket below a path that we chose is nobody else's.
    """
    if info.transport == "ipc" or (launched is not None and found in relatives(launched)):
        return True
    return any(connection_file in word for word in _arguments(found.pid))


def _arguments(pid: int) -> Iterable[str]:
    import psutil

    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return ()


def _is_connectable(info: ConnectionInfo) -> bool:
    """Tell, in microseconds, whether somebody listens for a kernel."""
    with contextlib.suppress(OSError), open_connection(info):
        return True
    return False
