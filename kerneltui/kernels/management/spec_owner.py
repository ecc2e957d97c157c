"""SpecOwner: the kernelspec that a manager starts, which its user may see, edit and replace."""

from __future__ import annotations

import copy
import threading

from kerneltui.kernels.specs.spec_manager import KernelSpec, KernelSpecManager, launchable


class SpecOwner:
    """Reads its kernelspec when it is first asked for, and keeps it from then on.

    A launch starts what `kernel_spec` shows at that time, with the user's edits. If the kernelspec
    was not edited, it starts what is installed at that time.
    """

    def __init__(self, kernel_name: str, specs: KernelSpecManager) -> None:
        self._kernel_name = kernel_name
        self._kernel_spec_manager = specs
        self._spec: KernelSpec | None = None
        self._as_read: KernelSpec | None = None
        """A copy of the kernelspec as it was read; None for one that a caller has set."""
        self._keeping = threading.Lock()

    @property
    def kernel_name(self) -> str:
        """The name of the kernelspec. Setting it drops the kernelspec that is kept."""
        return self._kernel_name

    @kernel_name.setter
    def kernel_name(self, name: str) -> None:
        self._kernel_name = name
        self._kernel_spec = None

    @property
    def kernel_spec_manager(self) -> KernelSpecManager:
        """Finds the kernelspec. Setting it drops the kernelspec that is kept."""
        return self._kernel_spec_manager

    @kernel_spec_manager.setter
    def kernel_spec_manager(self, specs: KernelSpecManager) -> None:
        self._kernel_spec_manager = specs
        self._kernel_spec = None

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernelspec, the same object each time; edits of it are launched.

        Raises NoSuchKernel or InvalidKernelSpec.
        """
        return self._spec or self._keep(self._installed_spec())

    @property
    def _kernel_spec(self) -> KernelSpec | None:
        """The kept kernelspec; None before its first use. Subclasses may set it."""
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
        """Return a copy of the spec for the next launch. Raises NoSuchKernel, InvalidKernelSpec."""
        shown = self.kernel_spec
        is_as_read = shown is self._spec and shown == self._as_read
        return launchable(self._installed_spec() if is_as_read else shown, self.kernel_name)

    def _note_launch(self, spec: KernelSpec) -> None:
        """Update an unedited kernelspec to what was launched; it stays the same object."""
        with self._keeping:
            if self._spec is not None and self._spec == self._as_read:
                vars(self._spec).update(copy.deepcopy(vars(spec)))
                self._as_read = spec
