"""SpecOwner: the kernelspec that a manager starts, which its user may see, edit and replace."""

from __future__ import annotations

import copy
import threading

from kerneltui.kernels.specs.spec_manager import KernelSpec, KernelSpecManager, launchable


class SpecOwner:
    """Reads its kernelspec when it is first asked for, and keeps it from then on.

    What is launched is what `kernel_spec` shows then, edited or overridden as it may be.
    One that nobody has edited is launched as it is installed by then.
    """

    def __init__(self, kernel_name: str, specs: KernelSpecManager) -> None:
        self._kernel_name = kernel_name
        self._kernel_spec_manager = specs
        self._spec: KernelSpec | None = None
        self._as_read: KernelSpec | None = None
        """A copy of it as it was installed; None for one that was put there."""
        self._keeping = threading.Lock()

    @property
    def kernel_name(self) -> str:
        """The name of the kernelspec. Another name is another kernelspec."""
        return self._kernel_name

    @kernel_name.setter
    def kernel_name(self, name: str) -> None:
        self._kernel_name = name
        self._kernel_spec = None

    @property
    def kernel_spec_manager(self) -> KernelSpecManager:
        """Where the kernelspec is read. Another one is asked anew."""
        return self._kernel_spec_manager

    @kernel_spec_manager.setter
    def kernel_spec_manager(self, specs: KernelSpecManager) -> None:
        self._kernel_spec_manager = specs
        self._kernel_spec = None

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernelspec, the same object each time; what is changed in it is launched.

        Raises NoSuchKernel or InvalidKernelSpec.
        """
        return self._spec or self._keep(self._installed_spec())

    @property
    def _kernel_spec(self) -> KernelSpec | None:
        """What is kept; None before anybody has asked. Subclasses set it, as in the field."""
        return self._spec

    @_kernel_spec.setter
    def _kernel_spec(self, spec: KernelSpec | None) -> None:
        with self._keeping:
            self._spec, self._as_read = spec, None

    def _keep(self, spec: KernelSpec) -> KernelSpec:
        with self._keeping:
            if self._spec is None:  # else another thread has read it too, and was faster
                self._spec, self._as_read = spec, copy.deepcopy(spec)
            return self._spec

    def _installed_spec(self) -> KernelSpec:
        return self.kernel_spec_manager.get_kernel_spec(self.kernel_name)

    def _next_spec(self) -> KernelSpec:
        """Return a copy of what the next launch starts. Raises NoSuchKernel, InvalidKernelSpec."""
        shown = self.kernel_spec
        is_as_read = shown is self._spec and shown == self._as_read
        return launchable(self._installed_spec() if is_as_read else shown, self.kernel_name)

    def _note_launch(self, spec: KernelSpec) -> None:
        """Have an unedited kernelspec say what was launched; it stays the same object."""
        with self._keeping:
            if self._spec is not None and self._spec == self._as_read:
                vars(self._spec).update(copy.deepcopy(vars(spec)))
                self._as_read = spec
