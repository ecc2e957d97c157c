"""WrappedProcess: a kernel whose process is not the one that was launched."""

from __future__ import annotations

import threading

from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.process import KernelProcess

WRAPPER_TIME = 0.5  # seconds for a wrapper to pass on how its kernel has ended


class WrappedProcess(AdoptedProcess):
    """The process that serves a kernel, and the program that was launched to run it.

    Its life, its pid and its signals are the kernel's: a wrapper may end before it.
    """

    def __init__(self, wrapper: KernelProcess, kernel: ProcessIdentity) -> None:
        super().__init__(kernel)
        self.wrapper = wrapper
        self.launched = wrapper.launched
        self._lock = threading.Lock()  # who comes second learns as much as who comes first
        self._has_outlived_it = False
        """The wrapper still ran when the kernel had ended."""

    @property
    def returncode(self) -> int | None:
        """What the wrapper passes on; None where it ended before its kernel."""
        return self.wrapper.returncode if self._has_outlived_it else None

    def wait(self, timeout: float | None = None) -> bool:
        if not super().wait(timeout):
            return False
        with self._lock:
            if not self._has_outlived_it and not self.wrapper.exited:
                self._has_outlived_it = True
                self.wrapper.wait(WRAPPER_TIME)
        return True
