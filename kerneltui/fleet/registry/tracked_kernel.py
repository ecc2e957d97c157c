"""TrackedKernel: all that the fleet knows of one kernel, and its snapshot for a front end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kerneltui.fleet.control.ladder import Attempt
from kerneltui.fleet.diagnosis.condition import (
    HANGING,
    Condition,
    ConditionFacts,
    OpenPrompt,
    Phase,
    ProcessState,
    condition_of,
)
from kerneltui.fleet.diagnosis.death import Death, Sent
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.discovery.naming import PATH_WIDTH, notebook_of
from kerneltui.fleet.inspection.interpreter import is_python
from kerneltui.fleet.inspection.kernel_log import KernelLog
from kerneltui.fleet.inspection.process_tree import ProcessTree
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.capabilities import ALLOWED, Verb, possible
from kerneltui.fleet.model.classification import LEFT, Kind
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.registry.kernel_facts import REASON_WIDTH, KernelFacts, kind_of
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line


@frozen
class Stand:
    """Where the code of a kernel stood when it was looked into."""

    text: str
    identity: ProcessIdentity | None
    at: float
    """Instant of `time.monotonic()`."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedKernel:
    """One kernel. What is learnt of it makes another one, which takes its place in the registry."""

    kernel_id: str
    name: str
    cwd: str
    manager: KernelManager | None = None
    identity: ProcessIdentity | None = None
    """Of its latest process."""
    pending: tuple[str, float] | None = None
    """The order under way, and since when."""
    sent: Sent | None = None
    """What this process has sent its process last that can end it."""
    stopped_at: float | None = None
    """Since when its process is stopped, as its manifest said when it was adopted; an instant of
    `time.monotonic()`."""
    death: Death | None = None
    """Why its process has ended; None while it runs."""
    ended_at: float | None = None
    """When that was; instant of `time.monotonic()`."""
    log: KernelLog | None = None
    manifest: Manifest | None = None
    found: Found | None = None
    """What is known of a kernel that is not ours."""
    served: ServedKernel | None = None
    """What its server tells of it."""
    served_active_at: float | None = None
    """When it last ran something as its server tells; instant of `time.monotonic()`."""
    environment_lost: bool = False
    """It was dead when it was adopted: a restart has but today's environment."""
    attempt: Attempt | None = None
    """The interrupt that was sent last."""
    stand: Stand | None = None
    """What the latest look into it has seen."""
    leftovers: tuple[ProcessIdentity, ...] = ()
    """What a kernel of ours that has ended has begun, and that still runs."""
    is_file_gone: bool = False
    """Its connection file is not there any more."""
    was_alive: bool = False
    """It has been seen alive here."""
    has_answered: bool = False
    """Its present process has answered a signed question."""
    tree: ProcessTree = field(default_factory=ProcessTree)
    admission: object = field(default_factory=object)
    """The same in all that take each other's place."""

    @property
    def is_ours(self) -> bool:
        return self.found is None

    @property
    def may_be_asked(self) -> bool:
        """Nobody takes note of what we ask it."""
        return self.found is None or self.found.may_be_asked

    @property
    def is_alive(self) -> bool:
        """Its process runs."""
        return self.manager is not None and self.manager.is_alive()

    def stands_at(self, condition: Condition) -> str:
        """Return where it hangs, as the latest look has told; "" if none was since it does."""
        stand, since = self.stand, condition.since or 0.0
        if stand is None or stand.identity != self.identity or condition.word not in HANGING:
            return ""
        return stand.text if stand.at >= since else ""

    @property
    def is_autorestarted(self) -> bool:
        """It is to be started again where it dies unasked."""
        return self.manifest is not None and self.manifest.autorestart

    @property
    def open_attempt(self) -> Attempt | None:
        """The interrupt that was sent last, while what it was to interrupt still runs."""
        running = self.manager.status.running if self.manager is not None else None
        is_open = self.attempt is not None and self.attempt.request == running
        return self.attempt if is_open else None

    def advice(self, now: float) -> str:
        """Return what there is to say of an interrupt in vain; "" if there is none."""
        attempt = self.open_attempt
        return attempt.advice if attempt is not None and attempt.is_in_vain(now) else ""

    @property
    def is_there(self) -> bool:
        """There is something to show."""
        return self.found is not None or (self.manager is not None and self.identity is not None)

    @property
    def kind(self) -> Kind:
        return kind_of(self.found, is_child=self.is_child)

    @property
    def is_child(self) -> bool:
        """It was started by this very process."""
        return self.is_ours and self.manager is not None and self.manager.kernel is not None

    @property
    def facts(self) -> KernelFacts:
        """What words for it follow from."""
        return KernelFacts(
            found=self.found,
            identity=self.identity,
            status=self.manager.status if self.manager is not None else None,
            served=self.served,
            is_child=self.is_child,
            has_answered=self.has_answered,
            death=self.death,
            is_file_gone=self.is_file_gone,
            leftovers=self.leftovers,
        )

    @property
    def rank(self) -> int:
        """Ours come first, what is only a file comes last."""
        return 0 if self.is_ours else 2 if self.kind in LEFT.values() else 1


@frozen
class ControlFacts:
    """What is known of the last question to one kernel."""

    asked_at: float | None = None
    """When it was asked what it has not answered yet; instant of `time.monotonic()`."""
    answers: bool | None = None
    """True once its present process has answered."""
    has_subshells: bool = False
    """It answers questions beside a cell, as it has said."""


@frozen
class Observed:
    """What our threads know of a kernel beside what is tracked. Instants of `time.monotonic()`."""

    iopub: IopubFacts = IopubFacts()
    usage: Usage | None = None
    control: ControlFacts = ControlFacts()
    prompt: OpenPrompt | None = None
    sent_at: float | None = None
    """When the oldest code of ours was sent that is not over."""


def snapshot_of(kernel: TrackedKernel, observed: Observed, now: float) -> KernelSnapshot:
    """Return what a front end may see at the instant `now`."""
    found, manager = kernel.found, kernel.manager
    facts, usage, known = observed.iopub, observed.usage, kernel.facts
    condition = condition_of(_condition_facts(kernel, known, observed, now), now)
    state = known.state
    word, since = kernel.pending or ("", None)
    is_code = state is KernelState.BUSY and manager and manager.status.running == facts.request
    file = str(found.connection_file) if found else manager.connection_file if manager else ""
    return KernelSnapshot(
        kernel_id=kernel.kernel_id,
        name=clean_line(kernel.name),
        kernel_name=clean_line(_kernelspec(kernel)),
        state=state,
        allowed=_allowed(kernel, state),
        kind=known.kind,
        origin=known.origin,
        owner_pid=found.owner_pid if found else None,
        owner_name=clean_line(found.owner_name) if found else "",
        condition=condition,
        liveness=known.liveness(condition),
        notebook=clean_line(notebook_of(found, kernel.served), PATH_WIDTH),
        clients=kernel.served.connections if kernel.served else len(facts.clients),
        identity=kernel.identity,
        returncode=known.returncode,
        reason=clean_line(known.why, REASON_WIDTH),
        death=known.death,
        pending=word,
        pending_since=since,
        usage=None if state is KernelState.DEAD else usage,
        started_at=(manager.life.spawned_at or None) if manager else None,
        last_activity=_latest(facts.last_activity, kernel.served_active_at),
        executions=facts.executions,
        code=facts.code if is_code else "",
        stands_at=kernel.stands_at(condition),
        code_is_ours=bool(is_code and facts.is_ours),
        cwd=clean_line(kernel.cwd),
        working_folder=_unchanged(kernel.cwd),
        connection_file=clean_line(file, PATH_WIDTH),
        refused=facts.refused,
        autorestart=kernel.is_autorestarted,
        was_interrupted=bool(kernel.advice(now)),
    )


def _condition_facts(
    kernel: TrackedKernel, known: KernelFacts, observed: Observed, now: float
) -> ConditionFacts:
    facts, usage = known.for_condition, observed.usage or Usage(0.0, 0, 0)
    life = kernel.manager.life if kernel.manager is not None else None
    turned_at = life.state_since if life is not None else None
    is_stopped = usage.process is ProcessState.STOPPED
    is_new = facts.phase in (Phase.STARTING, Phase.RESTARTING) or kernel.was_alive
    return replace(
        facts,
        phase_since=kernel.ended_at or (turned_at if is_new else None),
        why=clean_line(facts.why, REASON_WIDTH),
        runs_since=turned_at or kernel.served_active_at or _idle_since(kernel, facts, observed),
        runs_seen_since=life.state_seen_at if life is not None else None,
        sent_at=observed.sent_at,
        is_python=kernel.identity is not None and is_python(kernel.identity),
        asked_at=observed.control.asked_at,
        answers=observed.control.answers if facts.answers is None else facts.answers,
        prompt=observed.prompt,
        process=usage.process,
        process_since=usage.process_since or (kernel.stopped_at if is_stopped else None),
        process_seen_since=usage.process_seen_since,
        quiet_since=usage.quiet_since,
        children_busy=usage.children_busy,
        zombies=usage.zombies,
        order=kernel.pending[0] if kernel.pending else facts.order,
        interrupt=kernel.advice(now),
    )


def _idle_since(kernel: TrackedKernel, facts: ConditionFacts, observed: Observed) -> float | None:
    """Return since when a kernel that was found idle has run nothing; None if unknown."""
    if facts.runs is not False:
        return None
    if observed.iopub.last_activity is not None:
        return observed.iopub.last_activity
    spawned_at = kernel.manager.life.spawned_at if kernel.manager is not None else 0.0
    return spawned_at or None if kernel.is_ours and not observed.iopub.executions else None


def _allowed(kernel: TrackedKernel, state: KernelState) -> frozenset[Verb]:
    """Return what can be asked of a kernel now; of one that has ended, what it has left can be."""
    verbs, kind = ALLOWED[state], kernel.kind
    if kernel.leftovers or kind is Kind.LEFTOVER:
        verbs |= {Verb.SIGNAL, Verb.KILL} if kind is Kind.LEFTOVER else {Verb.KILL}
    return verbs & possible(kind)


def _unchanged(path: str) -> str:
    """Return a path, "" if it is not the same once it is clean."""
    return path if clean_line(path, len(path) + 1) == path else ""


def _latest(*instants: float | None) -> float | None:
    return max((each for each in instants if each is not None), default=None)


def _kernelspec(kernel: TrackedKernel) -> str:
    if kernel.manager is not None:
        return kernel.manager.kernel_name
    return kernel.found.info.kernel_name if kernel.found and kernel.found.info else ""
