"""Provisioner: the field's way from a manager to the process of its kernel."""

from __future__ import annotations

import os
import subprocess
from typing import Protocol

from kerneltui.kernels.processes.lifecycle import Lifecycle


class ProcessOwner(Protocol):
    """What is asked of a manager."""

    life: Lifecycle

    @property
    def kernel(self) -> subprocess.Popen[bytes] | None: ...

    @property
    def has_kernel(self) -> bool: ...


class Provisioner:
    """Tells of the latest process of one kernel, after a restart of the next one.

    It has no verbs: those are the manager's, who knows when a pid is safe to be signalled.
    """

    def __init__(self, manager: ProcessOwner) -> None:
        self._manager = manager

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The Popen of what was launched; None after a shutdown, and of an adopted kernel."""
        return self._manager.kernel

    @property
    def has_process(self) -> bool:
        return self._manager.has_kernel

    @property
    def pid(self) -> int | None:
        """Of the process that serves the kernel, which may not be the one that was launched."""
        process = self._manager.life.process
        return None if process is None else process.identity.pid

    @property
    def pgid(self) -> int | None:
        """The process group; None once the process is gone."""
        pid = self.pid
        try:
            return None if pid is None else os.getpgid(pid)
        except ProcessLookupError:
            return None
