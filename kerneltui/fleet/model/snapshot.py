"""KernelSnapshot: all that a front end may see of one kernel, at one moment."""

from __future__ import annotations

from dataclasses import field

from kerneltui.fleet.diagnosis.condition import Condition, ProcessState, Word
from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.engine_names import HERE, without_engine
from kerneltui.fleet.model.history import History
from kerneltui.fleet.model.origin import Origin
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState


@frozen
class Usage:
    """What a kernel's process tree uses."""

    cpu: float
    """CPU seconds used per second since the last sample; above 1.0 on several cores."""
    rss: int
    """Bytes of memory that the tree takes; what its processes share counts once."""
    processes: int
    """Living processes in the tree, the kernel's own included."""
    recent: tuple[float, ...] = ()
    """`cpu` of the latest samples, the oldest first; rounded, so that an idle tree's are equal."""
    zombies: int = 0
    """Processes of the tree that have ended and that their parent has not waited for."""
    process: ProcessState | None = None
    """The state of the kernel's own process; None if it was not looked at."""
    process_since: float | None = None
    """Since when it is stopped, or waits for a disk; None if that is not known."""
    process_seen_since: float | None = None
    """Since when it has been seen so."""
    quiet_since: float | None = None
    """Since when the tree uses next to no CPU time; None while it uses some."""
    children_busy: bool = False
    """The processes below the kernel's own use CPU time."""
    near_limit: bool = False
    """The tree takes nearly all the memory that it can have."""
    cpu_history: History = History()
    memory_history: History = History()
    growth: float = 0.0
    """Bytes per second by which the memory grows; 0 if it does not grow steadily."""
    pss: int | None = None
    """Bytes of memory that the tree takes, with its part of what it shares with others.

    None if the kernel is not the one that is looked at closely, or if the system does not tell.
    The same holds for `read` and `written`.
    """
    read: float | None = None
    written: float | None = None
    """Bytes per second that the tree reads from disks and writes to them; None at a first look."""


@frozen
class KernelSnapshot:
    """One kernel, as a row shows it.

    Times are instants of `time.monotonic()`; texts are clean, as `protocol.text` makes them.
    """

    kernel_id: str
    name: str
    """What the user calls it."""
    kernel_name: str
    """Its kernelspec."""
    state: KernelState
    allowed: frozenset[Verb]
    """The verbs that are allowed now."""
    identity: ProcessIdentity | None
    """The kernel's process; None before a first launch, or if it is not visible from here."""
    condition: Condition = Condition()
    """What it does, since when, and a sentence about it."""
    kind: Kind = Kind.CHILD
    origin: Origin = Origin.KERNELTUI
    owner_pid: int | None = None
    """Pid of the program that started it and still runs; None for ours, which do not need it."""
    owner_name: str = ""
    """The name of that program."""
    liveness: Liveness = Liveness.VERIFIED
    notebook: str = ""
    """The path of the notebook that it serves; "" if none is known."""
    clients: int = 0
    """Front ends that its server counts; without a server, other clients whose code ran."""
    returncode: int | None = None
    reason: str = ""
    """Why it is dead, or why the last order failed; empty when all is well."""
    death: Death | None = None
    """Why its process has ended; None while it runs, or if there is only a file."""
    pending: str = ""
    """The order that is under way ("stopping"), empty when none is."""
    pending_since: float | None = None
    usage: Usage | None = None
    """None before the first sample and once the kernel is gone."""
    started_at: float | None = None
    """When the present process was launched."""
    last_activity: float | None = None
    """When it last ran something, as far as known here; None before."""
    executions: int | None = 0
    """Cells begun by any client, seen on iopub since this process started; None if it is a kernel
    of a server that told none, as it is not followed, or not from its beginning."""
    code: str = ""
    """The code that runs now, as one line; empty when none does."""
    stands_at: str = ""
    """Where its code hangs, as one line; "" if it does not, or was not looked at."""
    code_is_ours: bool = False
    """The code that runs was typed here, not in another client."""
    cwd: str = ""
    working_folder: str = ""
    """`cwd` in full, as a usable path; "" if it cannot be shown as it is."""
    connection_file: str = ""
    refused: int = 0
    """Messages refused as malformed, unsigned, forged or replayed."""

    was_interrupted: bool = False
    """The code that runs was interrupted without effect."""
    autorestart: bool = False
    """It is restarted when it dies by itself."""
    engine: str = ""
    """The name of the engine that it belongs to; "" for this host's kernels."""
    unheard_since: float | None = None
    """Since when its engine has told nothing: all that is said here is of that time. None while the
    engine tells."""

    @property
    def pid(self) -> int | None:
        return self.identity.pid if self.identity else None

    @property
    def is_heard(self) -> bool:
        """Its engine tells what it does now."""
        return self.unheard_since is None

    @property
    def is_unattended(self) -> bool:
        """A remote server may hold its output for a front end that has left.

        One that starts has printed nothing.
        """
        is_new = self.state is KernelState.STARTING
        return self.kind is Kind.REMOTE_SERVER and not self.clients and not is_new

    @property
    def host(self) -> str:
        """Where it runs, for a person: the name of its engine, or a word for this host."""
        return self.engine or HERE

    @property
    def own_id(self) -> str:
        """Its id, without the name of its engine."""
        return without_engine(self.kernel_id, self.engine)

    @property
    def own_spec(self) -> str:
        """Its kernelspec, without the name of its engine."""
        return without_engine(self.kernel_name, self.engine)

    @property
    def word(self) -> Word:
        """What it does, in a word."""
        return self.condition.word

    @property
    def latest_code(self) -> str:
        """The code that runs, or ran when it died, as one line; empty if none does."""
        return self.code or (self.death.code if self.death is not None else "")

    @property
    def memory(self) -> int | None:
        """Bytes that its tree takes; None before the first sample."""
        return self.usage.rss if self.usage is not None else None

    @property
    def cpu_percent(self) -> float | None:
        """CPU time that its tree uses, in percent of a core; None before the first sample."""
        return self.usage.cpu * 100 if self.usage is not None else None

    @property
    def is_stopped(self) -> bool:
        """A signal has stopped its process; SIGCONT continues it."""
        return self.condition.word is Word.STOPPED

    @property
    def is_ours(self) -> bool:
        """Kerneltui has started it."""
        return self.kind in (Kind.CHILD, Kind.ADOPTED)

    @property
    def is_file(self) -> bool:
        """Only a connection file is known: it was left behind, or is another host's."""
        return self.kind in (Kind.STALE_FILE, Kind.OTHER_HOST)

    @property
    def target(self) -> Target:
        is_dead = self.state is KernelState.DEAD
        return Target(self.kernel_id, self.identity, self.name, self.whose, is_dead)

    @property
    def whose(self) -> str:
        """The program that started it, for a person: "server 812"; empty for ours."""
        if self.is_ours:
            return ""
        who = self.owner_name if self.origin is Origin.UNKNOWN and self.owner_name else self.origin
        return f"{who} {self.owner_pid}" if self.owner_pid else str(who)


@frozen
class Target:
    """A kernel as it was when a key was pressed; a verb refuses it if it has another process."""

    kernel_id: str
    identity: ProcessIdentity | None
    name: str
    whose: str = ""
    """The program that started it; empty for ours."""
    was_dead: bool = field(default=False, compare=False)
    """It was dead then, so a shutdown may remove what is left of it."""
