"""TrackedKernel: all that the fleet knows about one kernel; makes its snapshot."""

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
from kerneltui.fleet.model.instants import latest
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
    """Which line the code of a kernel was at when its stack was read."""

    text: str
    identity: ProcessIdentity | None
    at: float
    """Instant of `time.monotonic()`."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedKernel:
    """One kernel. New facts make a new object, which replaces it in the registry."""

    kernel_id: str
    name: str
    cwd: str
    manager: KernelManager | None = None
    identity: ProcessIdentity | None = None
    """Its latest process."""
    pending: tuple[str, float] | None = None
    """The order under way, and when it began, an instant of `time.monotonic()`."""
    sent: Sent | None = None
    """The last signal or order from this process that can end the kernel's process."""
    stopped_at: float | None = None
    """When its process was stopped, as its manifest said at its adoption; an instant of
    `time.monotonic()`."""
    death: Death | None = None
    """Why its process has ended; None while it runs."""
    ended_at: float | None = None
    """When its process ended; instant of `time.monotonic()`."""
    log: KernelLog | None = None
    manifest: Manifest | None = None
    found: Found | None = None
    """How it was found; None for a kernel of ours."""
    served: ServedKernel | None = None
    """What its Jupyter server tells about it."""
    served_active_at: float | None = None
    """When it last ran something, as its server tells; instant of `time.monotonic()`."""
    environment_lost: bool = False
    """It was dead when it was adopted: a restart can use only the present environment."""
    attempt: Attempt | None = None
    """The latest interrupt."""
    stand: Stand | None = None
    """What the latest look at its stack has shown."""
    leftovers: tuple[ProcessIdentity, ...] = ()
    """Processes that a kernel of ours had started and that still run after its end."""
    is_file_gone: bool = False
    """Its connection file is gone."""
    was_alive: bool = False
    """This process has seen it alive."""
    has_answered: bool = False
    """Its present process has answered a signed question."""
    tree: ProcessTree = field(default_factory=ProcessTree)
    admission: object = field(default_factory=object)
    """The same object in all versions of one kernel."""

    @property
    def is_ours(self) -> bool:
        return self.found is None

    @property
    def may_be_asked(self) -> bool:
        """Whether requests may be sent to it: no Jupyter server counts them."""
        return self.found is None or self.found.may_be_asked

    @property
    def is_alive(self) -> bool:
        """Its process runs."""
        return self.manager is not None and self.manager.is_alive()

    def stands_at(self, condition: Condition) -> str:
        """Return the place at which it hangs; "" if there was no look since it began to hang."""
        stand, since = self.stand, condition.since or 0.0
        if stand is None or stand.identity != self.identity or condition.word not in HANGING:
            return ""
        return stand.text if stand.at >= since else ""

    @property
    def is_autorestarted(self) -> bool:
        """Whether it is restarted automatically after an unasked end."""
        return self.manifest is not None and self.manifest.autorestart

    @property
    def open_attempt(self) -> Attempt | None:
        """The latest interrupt, while the request that it should interrupt still runs."""
        running = self.manager.status.running if self.manager is not None else None
        is_open = self.attempt is not None and self.attempt.request == running
        return self.attempt if is_open else None

    def advice(self, now: float) -> str:
        """Return the advice after an interrupt without effect; "" if there is none."""
        attempt = self.open_attempt
        return attempt.advice if attempt is not None and attempt.is_in_vain(now) else ""

    @property
    def is_there(self) -> bool:
        """Whether there is anything to show."""
        return self.found is not None or (self.manager is not None and self.identity is not None)

    @property
    def kind(self) -> Kind:
        return kind_of(self.found, is_child=self.is_child)

    @property
    def is_child(self) -> bool:
        """Whether this process itself has started it."""
        return self.is_ours and self.manager is not None and self.manager.kernel is not None

    @property
    def facts(self) -> KernelFacts:
        """The facts from which its words are derived."""
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
        """A sort key: ours come first, mere files last."""
        return 0 if self.is_ours else 2 if self.kind in LEFT.values() else 1


@frozen
class ControlFacts:
    """What is known about the last question to one kernel on control."""

    asked_at: float | None = None
    """When its open question was sent; None if it has none. Instant of `time.monotonic()`."""
    answers: bool | None = None
    """True once its present process has answered."""
    has_subshells: bool = False
    """Its kernel_info_reply says that it has subshells."""


@frozen
class Observed:
    """What other threads know about a tracked kernel. Instants of `time.monotonic()`."""

    iopub: IopubFacts = IopubFacts()
    usage: Usage | None = None
    control: ControlFacts = ControlFacts()
    prompt: OpenPrompt | None = None
    sent_at: float | None = None
    """When our oldest unfinished code was sent."""


def snapshot_of(kernel: TrackedKernel, observed: Observed, now: float) -> KernelSnapshot:
    """Return what a front end shows at the instant `now`."""
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
        last_activity=latest(facts.last_activity, kernel.served_active_at),
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
    turned_at = life.period.since if life is not None else None
    is_stopped = usage.process is ProcessState.STOPPED
    is_new = facts.phase in (Phase.STARTING, Phase.RESTARTING) or kernel.was_alive
    return replace(
        facts,
        phase_since=kernel.ended_at or (turned_at if is_new else None),
        why=clean_line(facts.why, REASON_WIDTH),
        runs_since=turned_at or kernel.served_active_at or _idle_since(kernel, facts, observed),
        runs_seen_since=life.period.seen_at if life is not None else None,
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
    """Return the verbs that are allowed now; after its end, those for its leftovers."""
    verbs, kind = ALLOWED[state], kernel.kind
    if kernel.leftovers or kind is Kind.LEFTOVER:
        verbs |= {Verb.SIGNAL, Verb.KILL} if kind is Kind.LEFTOVER else {Verb.KILL}
    return verbs & possible(kind)


def _unchanged(path: str) -> str:
    """Return a path; "" if cleaning it would change it."""
    return path if clean_line(path, len(path) + 1) == path else ""


def _kernelspec(kernel: TrackedKernel) -> str:
    if kernel.manager is not None:
        return kernel.manager.kernel_name
    return kernel.found.info.kernel_name if kernel.found and kernel.found.info else ""
