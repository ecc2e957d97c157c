"""Lists this user's kernels for the commands, and finds the kernel that a word means."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from kerneltui.commands.moment import Moment, Moments
from kerneltui.commands.probe import Askable, Probe
from kerneltui.commands.process_look import ProcessLook
from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.discovery.naming import name_of, notebook_of
from kerneltui.fleet.discovery.server_word import true_of_now
from kerneltui.fleet.keeper.recording.recording import recording_path
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.engine_names import HERE, engine_of, with_engine, without_engine
from kerneltui.fleet.monitoring.latest import Latest, read_latest
from kerneltui.fleet.reconcile.host_scan import (
    SERVER_TIME,
    HostScan,
    asking_manager,
    of_this_host,
    read_manifests,
)
from kerneltui.fleet.registry.kernel_facts import (
    LEFT_WORDS,
    REASON_WIDTH,
    KernelFacts,
    state_word,
)
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.path_checks import is_gone
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import KernelState, KernelStatus
from kerneltui.protocol.text import clean_line

MORE_LOOKS = 3  # at most, while a kernel may have done nothing but answer our questions


if TYPE_CHECKING:
    from kerneltui.kernels.client.client import BlockingKernelClient


class Nameable(Protocol):
    """A kernel that a word on the command line may mean."""

    @property
    def kernel_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int | None: ...


K = TypeVar("K", bound=Nameable)


@frozen
class Listed:
    """One kernel. Its texts are clean, except paths, which are as they are."""

    id: str
    name: str
    kernelspec: str
    pid: int | None
    """None once the process is gone."""
    state: str
    """A word of KernelState; "stopped" if a signal stopped it; "?" if no reply came; "stale" or
    "elsewhere" for a file without a process."""
    memory: int | None
    """Bytes that the process and its descendants take; what they share counts once."""
    cpu_time: float | None
    """Seconds of processor time that the process and its living descendants have used."""
    started_at: float | None
    """Seconds since the epoch; None if unknown."""
    cwd: str
    connection_file: str
    origin: str
    """The kind of program that started it: a word of Origin."""
    owner_pid: int | None = None
    """The program that started it; None if that has ended, and for kerneltui's kernels."""
    notebook: str = ""
    """The path of the notebook that it serves; "" if none is known."""
    connections: int | None = None
    """How many front ends its server counts; None without a server."""
    condition: Word = Word.UNKNOWN
    since: float | None = None
    """When that began, in seconds since the epoch; None if unknown."""
    sentence: str | None = None
    """A sentence on the condition; None if there is none."""
    code: str | None = None
    """The code that runs, or ran when it died, as one line; None if there is none, or it was not
    recorded."""
    cause: str | None = None
    """Why it has died; None if it has not, or if that is unknown."""
    exit_code: int | None = None
    signal: str | None = None
    """The name of the signal that has ended it, such as "SIGSEGV"."""
    cpu_percent: float | None = None
    """CPU time of its tree between two looks, in percent of a core."""
    children: int | None = None
    """Living descendants of its process."""
    zombies: int | None = None
    """Descendants that have ended and that their parent has not reaped."""
    answers: bool | None = None
    """Whether it has replied on control; None if it was not asked."""
    waits_for_input: bool | None = None
    last_activity: float | None = None
    """When it last ran something, in seconds since the epoch."""
    liveness: str = str(Liveness.VERIFIED)
    """How certain it is which kernel this is: a word of Liveness."""
    why: str = ""
    """The reason for the liveness, or for a death."""
    host: str = HERE
    """The name of the engine that it belongs to; HERE for this host's kernels."""
    unheard_since: float | None = None
    """Since when its engine has told nothing, in seconds since the epoch; None while it tells."""
    kind: Kind = Kind.ADOPTED
    """Its kind, seen from kerneltui. This field and those below are not in the JSON."""
    identity: ProcessIdentity | None = None
    """Its process: a pid alone may belong to another process later."""
    found: Found | None = None
    """How it was found; None for a kernel of ours."""
    pending: str = ""
    """The order that another process carries out on it: "stopping"; "" if none does."""

    @property
    def kernel_id(self) -> str:
        return self.id

    # -- by other names, for filters ----

    @property
    def kernel_name(self) -> str:
        return self.kernelspec

    @property
    def word(self) -> Word:
        return self.condition

    @property
    def is_ours(self) -> bool:
        return self.kind in (Kind.CHILD, Kind.ADOPTED)

    @property
    def latest_code(self) -> str:
        return self.code or ""

    @property
    def reason(self) -> str:
        return self.why

    @property
    def executions(self) -> None:
        """Always None: only a dashboard, which listens all the time, can count them."""


def list_all(probe: Probe | None = None, scan: HostScan | None = None) -> list[Listed]:
    """Return kerneltui's kernels, those of other programs, and files left behind.

    `probe`: asks the kernels what they do; without it none is asked. A Jupyter server's kernels are
    never asked, as the server would count that as activity; the server is asked instead. `scan`:
    for repeated calls; it keeps what has not changed.
    """
    if scan is None:
        with contextlib.closing(HostScan()) as scan:
            return list_all(probe, scan)
    manifests = read_manifests(runtime_folder())
    ours = of_this_host(manifests)
    asked = dict(_askable(ours)) if probe is not None else {}
    if probe is not None:
        probe.ask(asked)  # at once, so that they can reply meanwhile
    found = scan.look_and_ask_servers(manifests, SERVER_TIME)
    if probe is not None:
        asked.update(_askable_external(found))
        probe.ask(asked)
    processes = ProcessLook([*(each.identity for each in ours), *(each.identity for each in found)])
    moments = Moments(processes)
    if probe is not None:
        answered = probe.hear()
        found = scan.ask_where(
            lambda found: asking_manager(found) if found.kernel_id in answered else None
        )
        moments = Moments(processes, _recorded(ours, asked, processes), probe)
        moments.wait_for_silent(asked)
        _look_again(processes, probe)
        for _ in range(MORE_LOOKS):
            # One that was quiet once is known to wait: a question of a dashboard may wake it later.
            if not (doubtful := moments.doubtful(asked)):
                break
            _look_again(processes, probe, doubtful)
        moments.look_for_input(asked)
    return [
        *(_listed(each, moments) for each in ours),
        *(_listed_external(each, moments, scan.listing.of(each.kernel_id)) for each in found),
    ]


def _look_again(
    processes: ProcessLook, probe: Probe, kernels: frozenset[ProcessIdentity] | None = None
) -> None:
    """Look at processes once more, and take in the replies that have come meanwhile.

    A kernel that is idle replies on shell, but that may be later than on control.
    """
    processes.look_again(kernels)
    probe.hear_late(time.monotonic())


def _recorded(
    ours: Iterable[Manifest], asked: Mapping[str, Askable], processes: ProcessLook
) -> dict[str, Latest]:
    """Return what is recorded about our living kernels, by id."""
    recorded = {}
    for each in ours:
        started_at = processes.at(each.identity).started_at
        if each.kernel_id in asked and started_at is not None:
            path = recording_path(each.connection_file, each.kernel_id)
            latest = read_latest(path, asked[each.kernel_id].info, started_at)
            if latest is not None:
                recorded[each.kernel_id] = latest
    return recorded


def _askable(ours: Iterable[Manifest]) -> Iterator[tuple[str, Askable]]:
    for each in ours:
        if each.identity is not None and each.identity.is_alive():
            with contextlib.suppress(KernelError):  # its file is gone, and it cannot be asked
                info = read_connection_file(each.connection_file)
                yield each.kernel_id, Askable(info, each.identity)


def _askable_external(found: Iterable[Found]) -> Iterator[tuple[str, Askable]]:
    for each in found:
        if each.may_be_asked and each.info is not None:
            yield each.kernel_id, Askable(each.info, each.identity)


def find(kernels: Iterable[K], word: str) -> K:
    """Return the kernel that `word` means: the beginning of its id, its name, or its pid.

    The name of its host and a colon may come before each of these, and are not needed in an id.
    Raises NoSuchKernel if it means none or several; the message lists them.
    """
    kernels = tuple(kernels)
    exact = [each for each in kernels if word in _exact_words(each)]
    found = exact or [
        each
        for each in kernels
        if any(name.startswith(word) for name in (each.kernel_id, _host_and_id(each)[1]))
    ]
    if word and len(found) == 1:
        return found[0]
    shown = clean_line(word, limit=80)
    if not word or not found:
        raise NoSuchKernel(f"no kernel is called {shown}; kerneltui ps lists them", word)
    raise NoSuchKernel(f"{shown} may be any of {describe(found)}; nothing was done", word)


def _exact_words(kernel: Nameable) -> set[str]:
    host, own_id = _host_and_id(kernel)
    words = {kernel.name, own_id} | ({str(kernel.pid)} if kernel.pid else set())
    return words | {with_engine(word, host) for word in words}


def _host_and_id(kernel: Nameable) -> tuple[str, str]:
    """Return the name of a kernel's host, and its id without that."""
    engine = engine_of(kernel.kernel_id)
    return engine or HERE, without_engine(kernel.kernel_id, engine)


def find_living(word: str) -> Listed:
    """Return the kernel that `word` means. Raises NoSuchKernel, KernelError if it is gone."""
    kernel = find(list_all(), word)
    if kernel.state in LEFT_WORDS.values():
        raise KernelError(f"{kernel.name} is not a kernel but a leftover file: {kernel.why}")
    if kernel.state == KernelState.DEAD:
        raise KernelError(f"{kernel.name} is dead: {kernel.why}; kerneltui restart {kernel.name}")
    return kernel


def client_of(kernel: Listed) -> BlockingKernelClient:
    """Return a client that notices when the kernel ends; its channels are not open yet.

    Raises KernelError if the kernel cannot have a client.
    """
    from kerneltui.fleet.discovery.attach import following_manager  # slow to load

    file, name = kernel.connection_file, kernel.kernelspec
    return following_manager(file, kernel.id, name, kernel.identity).client()


def describe(kernels: Iterable[Nameable]) -> str:
    return ", ".join(f"{each.name} {_short_id(each)} (pid {each.pid or '-'})" for each in kernels)


def _short_id(kernel: Nameable) -> str:
    host, own_id = _host_and_id(kernel)
    return own_id[:8] if host == HERE else with_engine(own_id[:8], host)


def _listed(manifest: Manifest, moments: Moments) -> Listed:
    moment = moments.of(manifest.kernel_id, manifest.identity)
    is_launching = manifest.identity is None and not manifest.is_unfinished
    facts = KernelFacts(
        found=None,
        identity=manifest.identity,
        status=KernelStatus() if is_launching else moment.status(),
        death=_death(manifest) if moment.is_gone and not is_launching else None,
        is_file_gone=is_gone(Path(manifest.connection_file)),
        stopped_at=manifest.stopped_at,
    )
    listed = _in_words(
        facts,
        moment,
        kernel_id=manifest.kernel_id,
        name=manifest.name,
        kernelspec=manifest.kernel_name,
        started_at=manifest.started_at,
        cwd=manifest.cwd,
        connection_file=manifest.connection_file,
    )
    is_ordered = bool(manifest.order) and is_locked(manifest.path)
    return replace(listed, pending=manifest.order) if is_ordered else listed


def _death(manifest: Manifest) -> Death:
    from kerneltui.fleet.inspection.post_mortem import account_of  # seldom needed

    return account_of(manifest)


def _listed_external(found: Found, moments: Moments, served: ServedKernel | None) -> Listed:
    if served is not None:
        served = true_of_now(served, found, time.time())
    moment = moments.of(found.kernel_id, found.identity)
    facts = KernelFacts(
        found=found,
        identity=found.identity,
        status=moment.status(served),
        served=served,
        is_file_gone=found.is_file_gone,
    )
    return _in_words(
        facts,
        moment,
        kernel_id=found.kernel_id,
        name=name_of(found, served),
        kernelspec=found.info.kernel_name if found.info else "",
        started_at=moment.process.started_at,
        cwd=found.cwd,
        connection_file=str(found.connection_file),
    )


def _in_words(
    facts: KernelFacts,
    moment: Moment,
    *,
    kernel_id: str,
    name: str,
    kernelspec: str,
    started_at: float | None,
    cwd: str,
    connection_file: str,
) -> Listed:
    found, served, process, death = facts.found, facts.served, moment.process, facts.death
    condition = moment.condition(facts)
    return Listed(
        id=clean_line(kernel_id),
        name=clean_line(name),
        kernelspec=clean_line(kernelspec),
        pid=process.pid,
        state=state_word(condition),
        memory=process.memory,
        cpu_time=process.cpu_time,
        started_at=started_at,
        cwd=cwd,
        connection_file=connection_file,
        origin=str(facts.origin),
        owner_pid=found.owner_pid if found is not None else None,
        notebook=notebook_of(found, served),
        connections=served.connections if served is not None else None,
        condition=condition.word,
        since=condition.since,
        sentence=condition.sentence or None,
        code=moment.code or (death.code if death is not None else "") or None,
        cause=death.cause if death is not None else None,
        exit_code=death.exit_code if death is not None else None,
        signal=death.signal if death is not None else None,
        cpu_percent=None if process.cpu is None else round(process.cpu * 100, 1),
        children=process.children,
        zombies=process.zombies,
        answers=condition.answers,
        waits_for_input=condition.waits_for_input,
        last_activity=moment.last_activity(served),
        liveness=str(facts.liveness(condition)),
        why=clean_line(facts.why, REASON_WIDTH),
        kind=facts.kind,
        identity=facts.identity if process.pid else None,
        found=found,
    )
