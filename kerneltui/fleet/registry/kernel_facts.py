"""KernelFacts: derives a kernel's state, liveness and reasons from the known facts.

Rule: facts in, words out. Dashboard and command line both use this, so that they agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from kerneltui.fleet.diagnosis.condition import Condition, ConditionFacts, Phase, Word
from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.model.classification import LEFT, Kind, Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import RUNS, KernelState, KernelStatus, Wanted

_STATES_OF_LEFT = {Liveness.STALE: KernelState.DEAD, Liveness.OTHER_HOST: KernelState.UNKNOWN}
_PHASES = {
    KernelState.DEAD: Phase.ENDED,
    KernelState.STARTING: Phase.STARTING,
    KernelState.RESTARTING: Phase.RESTARTING,
}
_PHASES_OF_LEFT = {
    Liveness.STALE: Phase.STALE_FILE,
    Liveness.OTHER_HOST: Phase.OTHER_HOST_FILE,
}
_ON_THE_WAY = (KernelState.STARTING, KernelState.RESTARTING, KernelState.TERMINATING)

UNANSWERED = "?"
REASON_WIDTH = 500  # characters
LEFT_WORDS = {Liveness.STALE: "stale", Liveness.OTHER_HOST: "elsewhere"}
"""The words for a mere file: left behind, or perhaps from another host."""
_STATE_WORDS = {
    Word.DIED: str(KernelState.DEAD),
    Word.ASKS: str(KernelState.BUSY),
    Word.WAITING: str(KernelState.BUSY),
    Word.DISK_WAIT: str(KernelState.BUSY),
    Word.NO_ANSWER: UNANSWERED,
    Word.UNKNOWN: UNANSWERED,
}
"""Conditions with a simpler word; the others keep theirs."""


@frozen
class KernelFacts:
    """What is known about one kernel at one moment."""

    found: Found | None
    """How it was found; None for a kernel of ours."""
    identity: ProcessIdentity | None
    """Its latest process."""
    status: KernelStatus | None
    """The status from its messages and its process; None for a mere file."""
    served: ServedKernel | None = None
    """What its server tells about the present process."""
    is_child: bool = False
    """This process itself has started it."""
    has_answered: bool = False
    """Its present process has answered a signed question."""
    death: Death | None = None
    """Why its process has ended."""
    is_file_gone: bool = False
    """Its connection file is gone."""
    stopped_at: float | None = None
    """When its process was stopped, as its manifest says, in seconds since the epoch."""
    leftovers: tuple[ProcessIdentity, ...] = ()
    """Processes that a kernel of ours had started and that still run after its end."""

    @property
    def kind(self) -> Kind:
        return kind_of(self.found, is_child=self.is_child)

    @property
    def origin(self) -> Origin:
        return self.found.origin if self.found is not None else Origin.KERNELTUI

    @property
    def is_file(self) -> bool:
        """Whether there is only a connection file: no process of it was ever seen."""
        is_left = self.found is not None and self.found.liveness in LEFT
        return is_left and (self.status is None or self.identity is None)

    @property
    def state(self) -> KernelState:
        found, status = self.found, self.status
        if found is not None and self.is_file:
            return _STATES_OF_LEFT[found.liveness]
        if found is not None and found.is_leftover:
            return KernelState.DEAD
        assert status is not None, "only a mere file has no status"
        told = self.served.state if self.served is not None else ""
        if status.state is KernelState.UNKNOWN and told:  # the server has heard nothing either
            is_dead = told == KernelState.DEAD and self.identity is None
            return KernelState(told) if is_dead or told in _ON_THE_WAY else status.state
        return status.state

    @property
    def returncode(self) -> int | None:
        is_over = self.found is not None and self.found.is_leftover
        return None if is_over or self.is_file or self.status is None else self.status.returncode

    def liveness(self, condition: Condition) -> Liveness:
        found = self.found
        if found is not None and found.liveness in LEFT:
            return found.liveness
        is_mute = found is not None and found.liveness is Liveness.SILENT
        is_stopped = condition.word is Word.STOPPED  # known without asking it
        if is_mute or is_stopped or condition.answers is False:
            return Liveness.SILENT
        if found is None:
            return Liveness.VERIFIED
        is_proven = found.origin is Origin.SERVER and found.liveness is Liveness.VERIFIED
        is_heard = self.has_answered or (self.status is not None and self.status.heard)
        return Liveness.VERIFIED if is_proven or is_heard else Liveness.FOUND

    @property
    def for_condition(self) -> ConditionFacts:
        """Return what the kernel, its server and its files tell about its condition."""
        found, state, phase = self.found, self.state, self._phase
        is_mute = found is not None and found.liveness is Liveness.SILENT
        is_ending = state is KernelState.TERMINATING
        return ConditionFacts(
            phase=phase,
            why=self.why,
            runs=bool(self.status and self.status.unfinished) if is_ending else RUNS.get(state),
            answers=False if is_mute else None,
            order="stopping" if is_ending else "",
        )

    @property
    def _phase(self) -> Phase:
        if self.found is not None and self.found.liveness in LEFT:
            return _PHASES_OF_LEFT[self.found.liveness]
        return _PHASES.get(self.state, Phase.UP)

    @property
    def why(self) -> str:
        """The reasons for the state, in words."""
        if self.found is not None and (self.is_file or self.found.is_leftover):
            return self.found.why
        return "; ".join(dict.fromkeys(self._reasons()))

    def _reasons(self) -> Iterator[str]:
        status = self.status
        assert status is not None, "only a mere file has no status"
        if self.death is not None:
            yield self.death.sentence
        if status.reason and (self.death is None or status.wanted is not Wanted.UP):
            yield status.reason  # an order's; the death tells better why it ended
        elif not self.death and self.found and self.found.why and not status.heard:
            yield self.found.why
        if self.is_file_gone and not status.exited:
            yield "its connection file is gone"
        if self.leftovers:
            pids = ", ".join(str(each.pid) for each in self.leftovers)
            yield f"processes that it started still run, pid {pids}: a kill ends them"


def kind_of(found: Found | None, *, is_child: bool) -> Kind:
    """Return a kernel's kind. `is_child`: this process itself has started it."""
    if found is not None:
        return found.kind
    return Kind.CHILD if is_child else Kind.ADOPTED


def state_word(condition: Condition) -> str:
    """Return a word of KernelState, or "stopped", "stale", "elsewhere", or UNANSWERED if nothing
    is known."""
    return _STATE_WORDS.get(condition.word, str(condition.word))
