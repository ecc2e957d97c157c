"""StatusChecks: asks the kernels of which iopub and their processes do not tell all."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kerneltui.fleet.console.console import Console
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.reconcile.control_answers import ControlAnswers, is_worth_asking
from kerneltui.fleet.reconcile.long_busy import LongBusy
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import ControlFacts, TrackedKernel
from kerneltui.protocol.status import BusyElsewhere, KernelState


class StatusChecks:
    """Used by the discovery thread, but for `control`."""

    def __init__(self, registry: KernelRegistry, console: Console) -> None:
        self._registry = registry
        self._console = console
        self._answers = ControlAnswers()
        self._long_busy = LongBusy()

    def look(self, usage: Mapping[str, Usage]) -> None:
        """Ask, and take over what was answered. Call it before others' kernels are taken in.

        Those have just been asked on the shell.
        """
        kernels = [each for each in self._registry.all() if each.manager and each.may_be_asked]
        others = [  # of what we run ourselves the reply will tell that it is over
            each.manager
            for each in kernels
            if each.manager is not None and each.kernel_id not in self._console.queued
        ]
        for manager in self._long_busy.look(others, time.monotonic()):
            self._console.resolve_doubt(manager.kernel_id)
        wanted = [
            each.manager
            for each in kernels
            if each.manager is not None and self._is_to_be_asked(each, usage.get(each.kernel_id))
        ]
        for manager, number in self._answers.look(wanted):
            if manager.status.state is KernelState.UNKNOWN:
                manager.life.advance(BusyElsewhere(), number)

    def _is_to_be_asked(self, kernel: TrackedKernel, usage: Usage | None) -> bool:
        manager = kernel.manager
        assert manager is not None, "it can be asked"
        if manager.status.state is KernelState.UNKNOWN:
            return True
        if self._console.locked or manager.status.exited:
            return False
        sent_at = self._console.waiting.get(kernel.kernel_id)
        is_open = self._answers.of(manager).asked_at is not None
        state, since = manager.status.state, manager.life.state_since
        return is_worth_asking(state, since, usage, sent_at, time.monotonic(), is_open=is_open)

    def control(self, kernel: TrackedKernel) -> ControlFacts:
        """Return whether a kernel answers. In any thread."""
        return self._answers.of(kernel.manager) if kernel.manager else ControlFacts()

    def close(self) -> None:
        self._answers.close()
