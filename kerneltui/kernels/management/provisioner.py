"""Provisioner: the attributes in which users of jupyter_client look for a kernel's process."""

from __future__ import annotations

import subprocess
from typing import Protocol

from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import group_of


class ProcessOwner(Protocol):
    """What a Provisioner needs of its manager."""

    life: Lifecycle

    @property
    def kernel(self) -> subprocess.Popen[bytes] | None: ...

    @property
    def has_kernel(self) -> bool: ...


class Provisioner:
    """Describes the latest process of one kernel; after a restart, that is the new one.

    It has no verbs: those are the manager's, which knows when a pid may safely be signalled.
    """

    def __init__(self, manager: ProcessOwner) -> None:
        self._manager = manager

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The Popen of the launched program; None after a shutdown, and for an adopted kernel."""
        return self._manager.kernel

    @property
    def has_process(self) -> bool:
        return self._manager.has_kernel

    @property
    def pid(self) -> int | None:
        """The pid of the process that serves the kernel, which may not be the launched one."""
        process = self._manager.life.process
        return None if process is None else process.identity.pid

    @property
    def pgid(self) -> int | None:
        """The process group; None once the process is gone."""
        process = self._manager.life.process
        return None if process is None else group_of(process.identity)
