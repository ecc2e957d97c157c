"""KernelProcess: a kernel's process, whether it lives, and how it is signalled."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from kerneltui.errors import ProcessForbidden
from kerneltui.kernels.processes.exit_fd import ExitFd, open_exit_fd
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.tree import descendants


class KernelProcess(Protocol):
    """What the managers need of a process, which may be a child or not."""

    @property
    def identity(self) -> ProcessIdentity:
        """The process that serves the kernel, as far as that is known."""

    @property
    def launched(self) -> ProcessIdentity:
        """The process that was launched: the same, or a program that wraps the kernel."""

    @property
    def exited(self) -> bool: ...

    @property
    def returncode(self) -> int | None:
        """As in `subprocess`; None while it runs, and if only its parent process can know it."""

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when the process exits, and stays so."""

    def wait(self, timeout: float | None = None) -> bool:
        """Tell whether the process has exited within `timeout` seconds."""

    def send_signal(self, signum: int) -> None:
        """Signal the process group.

        Raises ProcessLookupError once the process is gone, ProcessForbidden if it is another
        user's.
        """


class ChildProcess:
    """A process that this one started, in a session and group of its own."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        identity = identify(popen.pid)
        assert identity is not None, "a child that was not waited for is at least a zombie"
        self.identity = self.launched = identity
        self.popen = popen
        # Reaping and signalling share it: a pid may be signalled only while it is unreaped.
        self._lock = threading.Lock()
        self._leads_group = os.getpgid(popen.pid) == popen.pid
        self._exit = ExitFd(open_exit_fd(popen.pid))

    def fileno(self) -> int:
        return self._exit.fileno()

    @property
    def exited(self) -> bool:
        return self.returncode is not None

    @property
    def returncode(self) -> int | None:
        with self._lock:
            return self.popen.poll()

    def wait(self, timeout: float | None = None) -> bool:
        if not self._exit.wait(timeout):
            return False
        with self._lock:
            self.popen.wait()
        return True

    def send_signal(self, signum: int) -> None:
        with self._lock:
            if self.popen.poll() is not None:
                raise ProcessLookupError(f"process {self.popen.pid} has exited")
            _send(os.killpg if self._leads_group else os.kill, self.popen.pid, signum)


def signal_group(process: ProcessIdentity, signum: int) -> None:
    """Signal the group that a process leads.

    If another process leads its group, only the process and its descendants in that group are
    signalled. Raises ProcessLookupError if the process is gone, ProcessForbidden if it is another
    user's.
    """
    if not process.is_alive():
        raise ProcessLookupError(f"process {process.pid} has exited")
    group = os.getpgid(process.pid)
    if group == process.pid:
        _send(os.killpg, group, signum)
        return
    below = [each for each in descendants(process.pid) if group_of(each) == group]
    _send(os.kill, process.pid, signum)
    for each in below:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # as with a whole group
            os.kill(each.pid, signum)


def outside_group(pid: int, processes: Iterable[ProcessIdentity]) -> tuple[ProcessIdentity, ...]:
    """Return those of `processes` that live and that a signal to group `pid` does not reach."""
    return tuple(process for process in processes if group_of(process) not in (pid, None))


def group_of(process: ProcessIdentity) -> int | None:
    """Return the group of this process, and not of a later one with its pid; None once it ended."""
    try:
        group = os.getpgid(process.pid)
    except ProcessLookupError:
        return None
    return group if process.is_alive() else None


def kill_process(process: ProcessIdentity) -> None:
    """SIGKILL a process that is not our child, if its pid still means the same process.

    Raises ProcessForbidden if it is another user's.
    """
    with contextlib.suppress(ProcessLookupError):  # gone by itself: the goal is met
        signal_process(process, signal.SIGKILL)


def kill_all(processes: Iterable[ProcessIdentity]) -> tuple[ProcessIdentity, ...]:
    """Kill each process like `kill_process`; return those that live on, as another user's."""
    spared = []
    for process in processes:
        try:
            kill_process(process)
        except ProcessForbidden:
            spared.append(process)
    return tuple(spared)


def signal_process(process: ProcessIdentity, signum: int) -> None:
    """Signal this process alone, and not a later one with its pid.

    Raises ProcessLookupError if the process is gone, ProcessForbidden if it is another user's.
    """
    if not process.is_alive():
        raise ProcessLookupError(f"process {process.pid} is gone")
    _send(os.kill, process.pid, signum)


def _send(send: Callable[[int, int], None], pid: int, signum: int) -> None:
    try:
        send(pid, signum)
    except PermissionError:
        raise ProcessForbidden(pid) from None


def describe_process(process: ProcessIdentity) -> str:
    """Return pid and name, for the user."""
    import psutil

    try:
        return f"{process.pid} {psutil.Process(process.pid).name()}"
    except psutil.Error:
        return f"{process.pid}"
