"""The kernels of this user as the command line tells of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import psutil

from kerneltui.commands.probe import Askable, Probe
from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.discovery.naming import name_of, notebook_of
from kerneltui.fleet.discovery.server_word import true_of_now
from kerneltui.fleet.inspection.memory import memory_of
from kerneltui.fleet.inspection.usage import STOPPED_STATUSES
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.reconcile.host_scan import (
    HostScan,
    asking_manager,
    of_this_host,
    read_manifests,
)
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.tree import children_of_all, descendants
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

SERVER_TIME = 0.2  # seconds for a Jupyter server to list its kernels
UNANSWERED = "?"
STOPPED = "stopped"
LEFT_STATES = {Liveness.STALE: "stale", Liveness.OTHER_HOST: "elsewhere"}
"""The state of a mere file: left behind, or perhaps of another host."""


@frozen
class Listed:
    """One kernel. Texts have passed the gate, but for paths, which are as they are."""

    id: str
    name: str
    kernelspec: str
    pid: int | None
    """None once the process is gone."""
    state: str
    """A word of KernelState, "stopped" for a process that was, "?" where no answer came, "stale"
    and "elsewhere" for a file without a process."""
    memory: int | None
    """Bytes that the process and its descendants take; what they share counts once."""
    cpu_time: float | None
    """Seconds of processor time that the process and its living descendants have used."""
    started_at: float | None
    """Seconds since the epoch; None where no process tells."""
    cwd: str
    connection_file: str
    origin: str
    """Who started it: a word of Origin."""
    owner_pid: int | None = None
    """Of who started it and still runs; None for kerneltui's, which need nobody."""
    notebook: str = ""
    """The path of the notebook that it serves; "" where none is known."""
    connections: int | None = None
    """Front ends that its server counts; None without a server."""
    liveness: str = str(Liveness.VERIFIED)
    """How sure it is that it is what it seems: a word of Liveness."""
    why: str = ""
    """Of a liveness that is none to rely on."""
    identity: ProcessIdentity | None = None
    """Of its process: a pid may be another's by the time that it is used. Not for JSON."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called by, beside the beginning of its id."""
        return (self.id, self.name, *([str(self.pid)] if self.pid else []))


def list_all(probe: Probe | None = None) -> list[Listed]:
    """Return kerneltui's kernels, those that others have started, and files left behind.

    `probe`: asks them what they do; nobody is asked without it. Kernels of a Jupyter server
    are not asked at all, as it would keep count of that; it is asked itself.
    """
    manifests = read_manifests(runtime_folder())
    ours = of_this_host(manifests)
    asked = dict(_askable(ours)) if probe is not None else {}
    if probe is not None:
        probe.ask(asked)  # at once: they take their time
    scan = HostScan()
    found = scan.look_and_ask_servers(manifests, SERVER_TIME)
    if probe is not None:
        probe.ask({**asked, **dict(_askable_strangers(found))})
    identities = [*(each.identity for each in ours), *(each.identity for each in found)]
    look = _Look(identities)
    for identity in identities:
        look.at(identity)  # while they take up the question
    states: Mapping[str, KernelState] = {}
    if probe is not None:
        states = probe.hear()
        found = scan.ask_where(
            lambda found: asking_manager(found) if found.kernel_id in states else None
        )
        scan.close()
    return [
        *(_listed(each, look.at(each.identity), states.get(each.kernel_id)) for each in ours),
        *(
            _listed_stranger(
                each,
                look.at(each.identity),
                states.get(each.kernel_id),
                scan.listing.of(each.kernel_id),
                is_asked=probe is not None,
            )
            for each in found
        ),
    ]


def _askable(ours: Iterable[Manifest]) -> Iterator[tuple[str, Askable]]:
    for each in ours:
        if each.identity is not None and each.identity.is_alive():
            with contextlib.suppress(KernelError):  # its file is gone, and it cannot be asked
                info = read_connection_file(each.connection_file)
                yield each.kernel_id, Askable(info, each.identity)


def _askable_strangers(found: Iterable[Found]) -> Iterator[tuple[str, Askable]]:
    for each in found:
        if each.may_be_asked and each.info is not None:
            yield each.kernel_id, Askable(each.info, each.identity)


def find(kernels: Iterable[Listed], word: str) -> Listed:
    """Return the kernel that `word` means: the beginning of its id, its name, or its pid.

    Raises NoSuchKernel where it means none or several; the message lists them.
    """
    kernels = tuple(kernels)
    exact = [each for each in kernels if word in each.names]
    found = exact or [each for each in kernels if word and each.id.startswith(word)]
    if len(found) == 1:
        return found[0]
    shown = clean_line(word, limit=80)
    if not found:
        raise NoSuchKernel(f"no kernel is called {shown}; kerneltui ps lists them", word)
    raise NoSuchKernel(f"{shown} may be any of {describe(found)}; nothing was done", word)


def describe(kernels: Sequence[Listed]) -> str:
    return ", ".join(f"{each.name} {each.id[:8]} (pid {each.pid or '-'})" for each in kernels)


def _listed(manifest: Manifest, facts: _Facts, answered: KernelState | None) -> Listed:
    is_new = manifest.identity is None and not manifest.is_unfinished
    return Listed(
        id=clean_line(manifest.kernel_id),
        name=clean_line(manifest.name),
        kernelspec=clean_line(manifest.kernel_name),
        pid=facts.pid,
        identity=manifest.identity if facts.pid else None,
        state=str(KernelState.STARTING) if is_new else facts.state(answered),
        memory=facts.memory,
        cpu_time=facts.cpu_time,
        started_at=manifest.started_at,
        cwd=manifest.cwd,
        connection_file=manifest.connection_file,
        origin=str(Origin.KERNELTUI),
    )


def _listed_stranger(
    found: Found,
    facts: _Facts,
    answered: KernelState | None,
    kernel: ServedKernel | None,
    *,
    is_asked: bool,
) -> Listed:
    if kernel is not None:
        kernel = true_of_now(kernel, found, time.time())
    told = answered or (kernel.state if kernel else None) or UNANSWERED
    liveness = found.liveness
    if found.may_be_asked and is_asked:
        liveness = Liveness.VERIFIED if answered else Liveness.SILENT
    return Listed(
        id=clean_line(found.kernel_id),
        name=clean_line(name_of(found, kernel)),
        kernelspec=clean_line(found.info.kernel_name if found.info else ""),
        pid=facts.pid,
        identity=found.identity if facts.pid else None,
        state=_state(found, facts, told),
        memory=facts.memory,
        cpu_time=facts.cpu_time,
        started_at=facts.started_at,
        cwd=found.cwd,
        connection_file=str(found.connection_file),
        origin=str(found.origin),
        owner_pid=found.owner_pid,
        notebook=notebook_of(found, kernel),
        connections=kernel.connections if kernel else None,
        liveness=str(liveness),
        why=clean_line(found.why),
    )


def _state(found: Found, facts: _Facts, told: str) -> str:
    """Return what a kernel of somebody else does. `told`: by itself or by its server."""
    if found.is_leftover:
        return str(KernelState.DEAD)
    return LEFT_STATES.get(found.liveness) or (facts.state(told) if found.identity else told)


@frozen
class _Facts:
    """What a look at a process tells; of one that is gone, nothing."""

    pid: int | None = None
    is_stopped: bool = False
    memory: int | None = None
    cpu_time: float | None = None
    started_at: float | None = None

    def state(self, answered: str | None) -> str:
        """Return what the kernel does, `answered` being what it says of that."""
        if self.pid is None:
            return str(KernelState.DEAD)
        return STOPPED if self.is_stopped else str(answered or UNANSWERED)


class _Look:
    """One look at processes; at each but once."""

    def __init__(self, kernels: Iterable[ProcessIdentity | None]) -> None:
        self._children = children_of_all()
        self._roots = frozenset(each.pid for each in kernels if each is not None)
        self._seen: dict[ProcessIdentity, _Facts] = {}

    def at(self, identity: ProcessIdentity | None) -> _Facts:
        if identity is None:
            return _Facts()
        if identity not in self._seen:
            self._seen[identity] = self._look(identity)
        return self._seen[identity]

    def _look(self, identity: ProcessIdentity) -> _Facts:
        try:
            process = psutil.Process(identity.pid)
            if not identity.is_alive():
                return _Facts()
            memory, cpu_time = self._usage(process)
            is_stopped = process.status() in STOPPED_STATUSES
            return _Facts(identity.pid, is_stopped, memory, cpu_time, process.create_time())
        except psutil.Error:  # it ended meanwhile
            return _Facts()

    def _usage(self, process: psutil.Process) -> tuple[int, float]:
        """Return memory and processor time of a tree; a kernel below has figures of its own."""
        resident, cpu_time = {}, 0.0
        below = descendants(process.pid, self._children, without=self._roots)
        for pid in (process.pid, *(each.pid for each in below)):
            with contextlib.suppress(psutil.Error):
                each = psutil.Process(pid)
                times = each.cpu_times()
                resident[pid] = each.memory_info().rss
                cpu_time += times.user + times.system
        return memory_of(resident), cpu_time
