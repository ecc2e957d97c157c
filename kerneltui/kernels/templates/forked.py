"""ForkedProcess: a kernel's process that a template has forked."""

from __future__ import annotations

from collections.abc import Callable

from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import ProcessIdentity

REPORT_TIME = 1.0  # seconds for a template to tell an exit that has been seen already


class ForkedProcess(AdoptedProcess):
    """A child of a template, which tells its exit code as long as it lives itself."""

    def __init__(
        self,
        identity: ProcessIdentity,
        exit_fd: int,
        reported: Callable[[float], int | None],
    ) -> None:
        """`reported`: waits so many seconds for the exit code; None for none."""
        super().__init__(identity, exit_fd=exit_fd)
        self._reported = reported

    @property
    def returncode(self) -> int | None:
        return self._reported(0) if self.exited else None

    def wait(self, timeout: float | None = None) -> bool:
        has_ended = super().wait(timeout)
        if has_ended and timeout != 0:
            self._reported(REPORT_TIME)
        return has_ended
