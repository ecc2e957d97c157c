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
        self._has_lost_it = self._has_outlived_it = False
        """The wrapper was seen to be gone while the kernel lived; the kernel ended before it."""
        self._look_for_wrapper()

    @property
    def returncode(self) -> int | None:
        """What the wrapper passes on; None if it ended before its kernel."""
        return self.wrapper.returncode if self._has_outlived_it else None

    def wait(self, timeout: float | None = None) -> bool:
        if not super().wait(timeout):
            self._look_for_wrapper()
            return False
        with self._lock:
            if not self._has_lost_it and not self._has_outlived_it:
                self._has_outlived_it = True
                self.wrapper.wait(WRAPPER_TIME)
        return True

    def _look_for_wrapper(self) -> None:
        is_gone = self.wrapper.exited  # asked first: the kernel may end meanwhile
        self._has_lost_it |= is_gone and self.identity.is_alive()
