"""Makes the snapshot of a server's kernel from what is known about it. Pure."""

from __future__ import annotations

from kerneltui.fleet.diagnosis.condition import (
    Condition,
    ConditionFacts,
    OpenPrompt,
    Phase,
    condition_of,
)
from kerneltui.fleet.discovery.naming import PATH_WIDTH, SHORT
from kerneltui.fleet.engines.server.listing import RemoteKernel
from kerneltui.fleet.model.capabilities import ALLOWED, Verb, possible
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.engine_names import with_engine
from kerneltui.fleet.model.instants import latest
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.registry.kernel_facts import REASON_WIDTH
from kerneltui.frozen import frozen
from kerneltui.protocol.period import Period
from kerneltui.protocol.status import RUNS, KernelState, KernelStatus
from kerneltui.protocol.text import clean_line

NEEDS_CONNECTION = frozenset({Verb.EXECUTE, Verb.VERIFY})
START_TIME = 30.0  # seconds; a server calls a kernel starting until a front end asks it something
UNHEARD = "its server has not heard it since its start; connecting asks it"
CONNECTING, INTERRUPTING = "connecting", "interrupting"
STOPPING, RESTARTING = "stopping", "restarting"
_ORDERED = {STOPPING: KernelState.TERMINATING, RESTARTING: KernelState.RESTARTING}
_PHASES = {
    KernelState.DEAD: Phase.ENDED,
    KernelState.STARTING: Phase.STARTING,
    KernelState.RESTARTING: Phase.RESTARTING,
}
_TOLD_FOR_IT = (KernelState.DEAD, KernelState.RESTARTING)
"""States that a server tells, as the kernel itself cannot."""


@frozen
class Order:
    """An order to a server that is under way."""

    word: str
    since: float
    """Instant of `time.monotonic()`."""


@frozen
class Heard:
    """What the kernel itself has told, over our connection to it."""

    status: KernelStatus
    period: Period = Period()
    iopub: IopubFacts = IopubFacts()
    prompt: OpenPrompt | None = None
    sent_at: float | None = None
    """When our oldest unfinished code was sent; instant of `time.monotonic()`."""


@frozen
class Known:
    """All that is known of one kernel."""

    kernel: RemoteKernel
    language: str = ""
    """Of its kernelspec."""
    order: Order | None = None
    heard: Heard | None = None
    """None if we are not connected to it."""

    @property
    def state(self) -> KernelState:
        if self.order is not None and self.order.word in _ORDERED:
            return _ORDERED[self.order.word]
        told, heard = self.kernel.state, self.heard
        if heard is None or told in _TOLD_FOR_IT or heard.status.state is KernelState.UNKNOWN:
            return told
        return heard.status.state


def snapshot_of(
    engine: str, known: Known, now: float, unheard_since: float | None
) -> KernelSnapshot:
    """Return what a front end shows at the instant `now`.

    `unheard_since`: since when the server has told nothing; None while it tells.
    """
    kernel, heard, state = known.kernel, known.heard, known.state
    model, iopub = kernel.model, heard.iopub if heard else IopubFacts()
    is_code = heard is not None and heard.status.running == iopub.request != ""
    is_running = is_code and state is KernelState.BUSY
    return KernelSnapshot(
        kernel_id=with_engine(model.id, engine),
        name=shown_name(kernel),
        kernel_name=clean_line(with_engine(model.name, engine)),
        state=state,
        allowed=_allowed(known, state) if unheard_since is None else frozenset(),
        identity=None,
        condition=_condition(known, state, now),
        kind=Kind.REMOTE_SERVER,
        origin=Origin.SERVER,
        liveness=Liveness.VERIFIED if unheard_since is None else Liveness.FOUND,
        notebook=clean_line(kernel.notebook, PATH_WIDTH),
        clients=model.connections,
        reason=clean_line(model.reason, REASON_WIDTH),
        pending=known.order.word if known.order else "",
        pending_since=known.order.since if known.order else None,
        last_activity=latest(kernel.active_at, iopub.last_activity),
        executions=iopub.executions or None,
        code=iopub.code if is_running else "",
        code_is_ours=is_running and iopub.is_ours,
        refused=iopub.refused,
        engine=engine,
        unheard_since=unheard_since,
    )


def shown_name(kernel: RemoteKernel) -> str:
    """Return what front ends call a kernel."""
    return clean_line(kernel.name) or clean_line(kernel.model.id)[:SHORT]


def _allowed(known: Known, state: KernelState) -> frozenset[Verb]:
    verbs = ALLOWED[state] & possible(Kind.REMOTE_SERVER)
    return verbs - ({Verb.CONNECT} if known.heard is not None else NEEDS_CONNECTION)


def _condition(known: Known, state: KernelState, now: float) -> Condition:
    kernel, heard = known.kernel, known.heard
    since, seen_since = kernel.since, kernel.seen_since
    if heard is not None and heard.status.state is state:
        since, seen_since = _more_exact(since, seen_since, heard.period)
    is_mute = state is KernelState.STARTING and now - kernel.seen_since >= START_TIME
    facts = ConditionFacts(
        phase=Phase.UP if is_mute else _PHASES.get(state, Phase.UP),
        phase_since=known.order.since if known.order else since,
        why=UNHEARD if is_mute else clean_line(kernel.model.reason, REASON_WIDTH),
        runs=RUNS.get(state),
        runs_since=since,
        runs_seen_since=seen_since,
        sent_at=heard.sent_at if heard else None,
        is_python=known.language == "python",
        prompt=heard.prompt if heard else None,
        order=known.order.word if known.order else "",
    )
    return condition_of(facts, now)


def _more_exact(
    since: float | None, seen_since: float, period: Period
) -> tuple[float | None, float]:
    """Return since when it is so: as the kernel has told, else as the server has."""
    if period.since is not None:
        return period.since, period.since
    return since, seen_since
