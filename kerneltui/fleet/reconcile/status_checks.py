"""StatusChecks: asks kernels what iopub and their processes do not tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from kerneltui.fleet.console.console import Console
from kerneltui.fleet.diagnosis.condition import OpenPrompt
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.reconcile.control_answers import ControlAnswers, is_worth_asking
from kerneltui.fleet.reconcile.input_looks import InputLooks
from kerneltui.fleet.reconcile.long_busy import LongBusy
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import ControlFacts, TrackedKernel
from kerneltui.protocol.status import BusyElsewhere, KernelState

QUIET = 1.0  # seconds without CPU time after which a kernel may wait for input


class StatusChecks:
    """Used by the discovery thread, except `control` and `prompt`."""

    def __init__(
        self,
        registry: KernelRegistry,
        console: Console,
        find_log: Callable[[str], MessageLog | None],
    ) -> None:
        self._registry = registry
        self._console = console
        self._find_log = find_log
        self._answers = ControlAnswers()
        self._inputs = InputLooks()
        self._long_busy = LongBusy()

    def look(self, usage: Mapping[str, Usage]) -> None:
        """Ask kernels, and take over their replies. Call it before new kernels are admitted.

        Kernels that are being admitted are asked on shell by that. While the console is locked, no
        kernel is asked.
        """
        if self._console.locked:
            self._answers.look(())  # drops the open questions
            return
        kernels = [each for each in self._registry.all() if each.manager and each.may_be_asked]
        others = [  # code that we run ourselves gets a reply when it is over
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
        for (manager, number), reply in self._answers.look(wanted).items():
            if (log := self._find_log(manager.kernel_id)) is not None:
                log.kernel_info = reply["content"]  # then the console need not ask for it
            if manager.status.state is KernelState.UNKNOWN:
                manager.life.advance(BusyElsewhere(), number)
        waiting = (each for each in kernels if self._may_ask(each, usage.get(each.kernel_id)))
        self._inputs.look(
            (each.manager for each in waiting if each.manager is not None),
            self._console.connected,
            time.monotonic(),
        )

    def _may_ask(self, kernel: TrackedKernel, usage: Usage | None) -> bool:
        """Tell whether a kernel may wait for input from another client."""
        if usage is None or usage.quiet_since is None or kernel.manager is None:
            return False
        is_quiet = time.monotonic() - usage.quiet_since >= QUIET
        if not is_quiet or kernel.manager.status.state is not KernelState.BUSY:
            return False
        control = self.control(kernel)
        can_tell = control.has_subshells and control.asked_at is None
        return can_tell and kernel.kernel_id not in self._console.prompts

    def _is_to_be_asked(self, kernel: TrackedKernel, usage: Usage | None) -> bool:
        manager = kernel.manager
        assert manager is not None, "a kernel that may be asked has a manager"
        if manager.status.state is KernelState.UNKNOWN:
            return True
        if manager.status.exited:
            return False
        sent_at = self._console.waiting.get(kernel.kernel_id)
        is_open = self._answers.of(manager).asked_at is not None
        state, since = manager.status.state, manager.life.period.since
        return is_worth_asking(state, since, usage, sent_at, time.monotonic(), is_open=is_open)

    def control(self, kernel: TrackedKernel) -> ControlFacts:
        """Return whether a kernel replies on control. In any thread."""
        return self._answers.of(kernel.manager) if kernel.manager else ControlFacts()

    def prompt(self, kernel: TrackedKernel) -> OpenPrompt | None:
        """Return the open prompt of a kernel's cell, ours or another client's. In any thread."""
        ours = self._console.prompts.get(kernel.kernel_id)
        if ours is not None:
            return OpenPrompt(ours.text, since=ours.asked_at)
        return self._inputs.of(kernel.manager) if kernel.manager is not None else None

    def close(self) -> None:
        self._answers.close()
