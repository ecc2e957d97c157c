"""Moment: what one look at a kernel shows, and the condition that follows from it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from kerneltui.commands.probe import Askable, Probe
from kerneltui.commands.process_look import ProcessFacts, ProcessLook
from kerneltui.fleet.diagnosis.condition import (
    SILENCE,
    Condition,
    OpenPrompt,
    Phase,
    ProcessState,
    condition_of,
)
from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.diagnosis.input_look import look_for_input
from kerneltui.fleet.inspection.interpreter import is_python
from kerneltui.fleet.monitoring.latest import Latest
from kerneltui.fleet.registry.kernel_facts import REASON_WIDTH, KernelFacts
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.stat import has_runnable_thread
from kerneltui.protocol.status import (
    Answered,
    BusyElsewhere,
    Exited,
    KernelState,
    KernelStatus,
    ServerReported,
    advance,
)
from kerneltui.protocol.text import clean_line


@frozen
class Moment:
    """What was seen of one kernel. Instants are seconds since the epoch."""

    now: float
    process: ProcessFacts
    is_gone: bool
    """Its process has ended."""
    answer: KernelState | None = None
    """The state that its replies show; None if none came."""
    asked_at: float | None = None
    """When the open question on control was sent; None if there is none."""
    latest: Latest | None = None
    """What was recorded about its process."""
    prompt: OpenPrompt | None = None

    def status(self, served: ServedKernel | None = None) -> KernelStatus:
        """Return what is known about the process. `served`: what its server tells."""
        status = KernelStatus(launched=False)
        if self.is_gone:
            return advance(status, Exited(None))
        if self.answer is not None:
            event = BusyElsewhere() if self.answer is KernelState.BUSY else Answered()
            return advance(status, event)
        if self.latest is not None:
            return self.latest.status
        is_busy = served.is_busy if served is not None else None
        return status if is_busy is None else advance(status, ServerReported(is_busy))

    def condition(self, facts: KernelFacts) -> Condition:
        told = facts.for_condition
        state_since = self._state_since(facts)
        is_quiet = bool(told.runs) and self.process.is_quiet
        return condition_of(
            replace(
                told,
                why=clean_line(told.why, REASON_WIDTH),
                phase_since=self._phase_since(told.phase, facts.death),
                runs_since=state_since,
                is_python=facts.identity is not None and is_python(facts.identity),
                asked_at=self.asked_at,
                answers=True if self.answer is not None else told.answers,
                prompt=self.prompt,
                process=self.process.state,
                process_since=self._process_since(facts, state_since),
                quiet_since=self._for_all(state_since) if is_quiet else None,
                children_busy=self.process.children_busy,
                zombies=self.process.zombies or 0,
            ),
            self.now,
        )

    def _process_since(self, facts: KernelFacts, state_since: float | None) -> float | None:
        """Return since when its process has been stopped or in disk wait; None if unknown."""
        if self.process.state is ProcessState.STOPPED:
            return facts.stopped_at
        return self._for_all(state_since) if self.process.state is ProcessState.DISK else None

    def _phase_since(self, phase: Phase, death: Death | None) -> float | None:
        if death is not None:
            return death.at
        return self.process.started_at if phase is Phase.STARTING else None

    def _state_since(self, facts: KernelFacts) -> float | None:
        """Return when the kernel's present state began; None if that was not recorded."""
        if facts.served is not None:
            return facts.served.last_activity
        is_recorded = self.latest is not None and self.latest.status.state is facts.state
        return self.latest.period.since if self.latest is not None and is_recorded else None

    def _for_all(self, state_since: float | None) -> float | None:
        """Return since when something is true that was true in both looks.

        They cannot tell more than that, so it is taken to be true since the request began.
        """
        return state_since if state_since is not None else self.process.started_at

    @property
    def code(self) -> str:
        """The code that runs; "" if none does, or it was not recorded."""
        is_busy = self.answer in (None, KernelState.BUSY) and not self.is_gone
        return self.latest.code if self.latest is not None and is_busy else ""

    def last_activity(self, served: ServedKernel | None) -> float | None:
        """Return when it last ran something; None if unknown."""
        recorded = self.latest.iopub.last_activity if self.latest is not None else None
        return served.last_activity if served is not None else recorded


class Moments:
    """What one look at all kernels shows."""

    def __init__(
        self,
        processes: ProcessLook,
        recorded: Mapping[str, Latest] | None = None,
        probe: Probe | None = None,
    ) -> None:
        """`recorded`: by kernel id. `probe`: has asked the kernels, and has their replies."""
        self._processes = processes
        self._recorded = recorded or {}
        self._probe = probe
        self._prompts: Mapping[str, OpenPrompt | None] = {}

    def look_for_input(self, asked: Mapping[str, Askable]) -> None:
        """Find out which busy kernels with little CPU use wait for input."""
        probe = self._probe
        if probe is None:
            return
        waiting = {
            kernel_id: each.endpoint
            for kernel_id, each in asked.items()
            if probe.states.get(kernel_id) is KernelState.BUSY
            if kernel_id in probe.with_subshells and self._processes.at(each.identity).may_poll
        }
        self._prompts = look_for_input(waiting)

    def wait_for_silent(self, asked: Mapping[str, Askable]) -> None:
        """Wait for kernels without a reply, up to SILENCE, after which they count as silent.

        Usually there are none. A stopped kernel, or one that is starting, is not waited for.
        """
        probe = self._probe
        silent = [
            at
            for kernel_id, each in asked.items()
            if probe is not None and (at := probe.asked_at(kernel_id)) is not None
            if self._may_answer(kernel_id, each.identity)
        ]
        if probe is not None and silent:
            probe.hear_late(max(silent) + SILENCE)

    def doubtful(self, asked: Mapping[str, Askable]) -> frozenset[ProcessIdentity]:
        """Return the busy kernels of which one more look may tell whether they wait.

        They used CPU time only for our questions, or none as other processes took it all.
        """
        if self._probe is None:
            return frozenset()
        states = self._probe.states
        return frozenset(
            each.identity
            for kernel_id, each in asked.items()
            if each.identity is not None and states.get(kernel_id) is KernelState.BUSY
            if self._processes.at(each.identity).is_nearly_quiet or self._is_starved(each.identity)
        )

    def _is_starved(self, identity: ProcessIdentity) -> bool:
        return self._processes.at(identity).is_quiet and has_runnable_thread(identity.pid)

    def _may_answer(self, kernel_id: str, identity: ProcessIdentity | None) -> bool:
        recorded = self._recorded.get(kernel_id)
        is_starting = recorded is not None and not recorded.status.heard
        is_stopped = self._processes.at(identity).state is ProcessState.STOPPED
        return not is_starting and not is_stopped

    def of(self, kernel_id: str, identity: ProcessIdentity | None) -> Moment:
        process, now = self._processes.at(identity), time.time()
        asked_at = self._probe.asked_at(kernel_id) if self._probe is not None else None
        return Moment(
            now=now,
            process=process,
            is_gone=identity is not None and process.pid is None,
            answer=self._probe.states.get(kernel_id) if self._probe is not None else None,
            asked_at=None if asked_at is None else now - (time.monotonic() - asked_at),
            latest=self._recorded.get(kernel_id),
            prompt=self._prompts.get(kernel_id),
        )
