"""AdoptedProcess: a kernel's process that another process started."""

from __future__ import annotations

import os
from collections.abc import Callable

from kerneltui.kernels.processes.exit_fd import ExitFd, exited_fd, open_exit_fd
from kerneltui.kernels.processes.exit_status import exit_code_by
from kerneltui.kernels.processes.identity import ProcessIdentity

AskParent = Callable[[ProcessIdentity], int | None]
"""Returns the exit code of a process that has ended, as in `subprocess`; None if unknown."""
REAPING = 0.2  # seconds that its parent may take to reap a process that has ended


def unknown(_identity: ProcessIdentity) -> None:
    """Ask nobody."""


class AdoptedProcess:
    """A process that is not a child of this one: its exit is seen at once.

    Its exit code is known only where the system tells it to others than its parent process. A
    process that is already gone counts as exited.
    """

    def __init__(
        self,
        identity: ProcessIdentity,
        ask_parent: AskParent = unknown,
        exit_fd: int | None = None,
    ) -> None:
        """`ask_parent`: asks its parent process how it has ended.

        `exit_fd`: as of `open_exit_fd`, and closed here; None if it is to be opened.
        """
        self.identity = self.launched = identity
        self._exit = ExitFd(_exit_fd_of(identity) if exit_fd is None else exit_fd)
        self._patience = REAPING
        self.ask_parent = ask_parent
        self._returncode: int | None = None

    def fileno(self) -> int:
        return self._exit.fileno()

    @property
    def returncode(self) -> int | None:
        if self._returncode is None and self.exited:
            patience, self._patience = self._patience, 0.0
            self._returncode = exit_code_by(self._exit.fileno(), patience)
            if self._returncode is None and patience:
                self._returncode = self.ask_parent(self.identity)
        return self._returncode

    @property
    def exited(self) -> bool:
        """Whether it has ended, if only as a zombie.

        A process with many threads may be a zombie before its descriptor tells its exit.
        """
        return self.wait(0) or not self.identity.is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        return self._exit.wait(timeout)

    def send_signal(self, signum: int) -> None:
        if self.exited:
            raise ProcessLookupError(f"process {self.identity.pid} has exited")
        from kerneltui.kernels.processes.process import (
            signal_group,  # not for the recorder, which sends no signals
        )

        signal_group(self.identity, signum)


def _exit_fd_of(identity: ProcessIdentity) -> int:
    """Return a descriptor that is readable once this very process is gone."""
    if identity.is_alive():
        try:
            fd = open_exit_fd(identity.pid)
        except ProcessLookupError:
            return exited_fd()
        if identity.is_alive():  # so the descriptor is of this process, not of a later one
            return fd
        os.close(fd)
    return exited_fd()
