"""WrappedProcess: a kernel whose process is not the one that was launched."""

from __future__ import annotations

import threading

from kerneltui.kernels.processes.adopted import AdoptedProcess, unknown
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.processes.returncode import unwrapped

WRAPPER_TIME = 0.5  # seconds for a wrapper to pass on its kernel's return code


class WrappedProcess(AdoptedProcess):
    """The process that serves a kernel, and the program that was launched to run it.

    Pid, exit and signals are those of the kernel: a wrapper may end before it.
    """

    def __init__(self, wrapper: KernelProcess, kernel: ProcessIdentity) -> None:
        ask_parent = wrapper.ask_parent if isinstance(wrapper, AdoptedProcess) else unknown
        super().__init__(kernel, ask_parent)
        self.wrapper = wrapper
        self.launched = wrapper.launched
        self._lock = threading.Lock()  # a second caller learns as much as the first
        self._has_lost_it = self._has_outlived_it = False
        """Lost: the wrapper ended while the kernel lived. Outlived: the kernel ended before the
        wrapper."""
        self._look_for_wrapper()

    @property
    def returncode(self) -> int | None:
        """The kernel's own if the system tells it, else what a wrapper that outlived it passes on.

        None if neither is known.
        """
        own = super().returncode
        return unwrapped(self.wrapper.returncode) if own is None and self._has_outlived_it else own

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
