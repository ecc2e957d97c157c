"""Options: the further arguments of some verbs."""

from __future__ import annotations

from typing import TypedDict

from kerneltui.kernels.processes.identity import ProcessIdentity


class Options(TypedDict, total=False):
    """Further arguments of some verbs."""

    signum: int
    """The signal to send; SIGTERM if not given."""
    process: ProcessIdentity
    """The one process of the kernel to signal, in place of its process group."""
    rest: bool
    """Shutdown: also end the processes that would live on."""
    anyway: bool
    """Interrupt even if the signal would end the kernel; otherwise raise WouldEndKernel."""
    name: str
    """The kernel's new name."""
