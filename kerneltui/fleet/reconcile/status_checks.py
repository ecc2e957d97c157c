"""StatusChecks: asks the kernels whose state iopub leaves open."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kerneltui.fleet.console.console import Console
from kerneltui.fleet.discovery.control_poll import SILENCE, ControlPoll, spawns_of
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.reconcile.held_interpreters import HeldInterpreters
from kerneltui.fleet.reconcile.long_busy import LongBusy
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import BusyElsewhere, KernelState


class StatusChecks:
    """Used by the discovery thread, but for `is_silent`."""

    def __init__(self, registry: KernelRegistry, console: Console) -> None:
        self._registry = registry
        self._console = console
        self._unheard = ControlPoll[KernelManager]("kernel_info_request")
        self._held = HeldInterpreters()
        self._long_busy = LongBusy()

    def look(self, usage: Mapping[str, Usage]) -> None:
        """Ask, and take over what was answered. Call it before others' kernels are taken in.

        Those have just been asked on the shell.
        """
        kernels = [each for each in self._registry.all() if each.manager and each.may_be_asked]
        self._ask_unheard(kernels)
        others = [  # of what we run ourselves the reply will tell that it is over
            each.manager
            for each in kernels
            if each.manager is not None and each.kernel_id not in self._console.queued
        ]
        for manager in self._long_busy.look(others, time.monotonic()):
            self._console.resolve_doubt(manager.kernel_id)
        self._held.look(() if self._console.locked else kernels, usage)

    def _ask_unheard(self, kernels: list[TrackedKernel]) -> None:
        unheard = spawns_of(
            each.manager
            for each in kernels
            if each.manager is not None and each.manager.status.state is KernelState.UNKNOWN
        )
        for manager in self._unheard.look(unheard):
            manager.life.advance(BusyElsewhere(), unheard[manager].number)

    def is_silent(self, kernel: TrackedKernel) -> bool:
        """Tell whether a kernel has had the time to answer, and did not. In any thread.

        One that holds its interpreter may not even get out that it is busy.
        """
        if kernel.manager is None:
            return False
        status, now = kernel.manager.status, time.monotonic()
        if not status.heard:
            return self._unheard.is_silent(kernel.manager, now)
        if self._held.is_silent(kernel.manager):
            return True
        sent_at = self._console.waiting.get(kernel.kernel_id, now)
        return status.state is KernelState.IDLE and now - sent_at > SILENCE

    def close(self) -> None:
        self._unheard.close()
        self._held.close()
