"""The kernels of this user as the command line tells of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from kerneltui.commands.probe import Probe
from kerneltui.commands.survey import Survey, manifests, of_this_host
from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.fleet.found import Found
from kerneltui.fleet.manifest import Manifest
from kerneltui.fleet.naming import PATH_WIDTH, name_of, notebook_of
from kerneltui.fleet.origin import Origin
from kerneltui.fleet.server_watch import Served
from kerneltui.fleet.standing import Standing
from kerneltui.kernels.connection_file import read_connection_file
from kerneltui.kernels.family import Children, children_of_all, descendants
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

UNANSWERED = "?"
STOPPED = "stopped"
LEFT_STATES = {Standing.STALE: "stale", Standing.ELSEWHERE: "elsewhere"}
"""The state of a mere file: left behind, or perhaps of another host."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One kernel. Texts have passed the gate."""

    id: str
    name: str
    kernelspec: str
    pid: int | None
    """None once the process is gone."""
    state: str
    """A word of KernelState, "stopped" for a process that was, "?" where no answer came, "stale"
    and "elsewhere" for a file without a process."""
    memory: int | None
    """Resident bytes of the process and its descendants."""
    cpu_time: float | None
    """Seconds of processor time that the process has used."""
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
    standing: str = str(Standing.VERIFIED)
    """How sure it is that it is what it seems: a word of Standing."""
    why: str = ""
    """Of a standing that is none to rely on."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called by, beside the beginning of its id."""
        return (self.id, self.name, *([str(self.pid)] if self.pid else []))


def list_all(probe: Probe | None = None) -> list[Listed]:
    """Return kerneltui's kernels, those that others have started, and files left behind.

    `probe`: asks them what they do; nobody is asked without it. Kernels of a Jupyter server
    are not asked at all, as it would keep count of that; it is asked itself.
    """
    known = manifests()
    ours = of_this_host(known)
    survey = Survey(known)
    states: Mapping[str, KernelState] = {}
    if probe is not None:
        theirs = {each.kernel_id: each.info for each in survey.found if each.may_be_asked}
        infos = {**_living(ours), **theirs}
        probe.ask({kernel_id: info for kernel_id, info in infos.items() if info is not None})
    children = children_of_all()
    identities = {each.kernel_id: each.identity for each in ours}
    identities |= {each.kernel_id: each.identity for each in survey.found}
    facts = {each: _Facts.of(identity, children) for each, identity in identities.items()}
    if probe is not None:  # what was seen meanwhile took its time
        states = probe.hear()
        survey.ask_where(lambda found: found.kernel_id in states)
    return [
        *(_listed(each, facts[each.kernel_id], states.get(each.kernel_id)) for each in ours),
        *(
            _listed_stranger(
                each,
                facts[each.kernel_id] if each.identity else _Facts(),
                states.get(each.kernel_id),
                survey.listing.get(each.kernel_id),
                is_asked=probe is not None,
            )
            for each in survey.found
        ),
    ]


def _living(ours: Iterable[Manifest]) -> dict[str, ConnectionInfo]:
    infos = {}
    for each in ours:
        if each.identity is not None and each.identity.is_alive():
            with contextlib.suppress(KernelError):  # its file is gone, and it cannot be asked
                infos[each.kernel_id] = read_connection_file(each.connection_file)
    return infos


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
        state=str(KernelState.STARTING) if is_new else facts.state(answered),
        memory=facts.memory,
        cpu_time=facts.cpu_time,
        started_at=manifest.started_at,
        cwd=clean_line(manifest.cwd),
        connection_file=clean_line(manifest.connection_file),
        origin=str(Origin.KERNELTUI),
    )


def _listed_stranger(
    found: Found,
    facts: _Facts,
    answered: KernelState | None,
    served: Served | None,
    *,
    is_asked: bool,
) -> Listed:
    kernel = served.kernel if served else None
    told = answered or (kernel.state if kernel else None) or UNANSWERED
    standing = found.standing
    if found.may_be_asked and is_asked:
        standing = Standing.VERIFIED if answered else Standing.SILENT
    return Listed(
        id=clean_line(found.kernel_id),
        name=clean_line(name_of(found, kernel)),
        kernelspec=clean_line(found.info.kernel_name if found.info else ""),
        pid=facts.pid,
        state=LEFT_STATES.get(found.standing) or (facts.state(told) if found.identity else told),
        memory=facts.memory,
        cpu_time=facts.cpu_time,
        started_at=facts.started_at,
        cwd=clean_line(found.cwd),
        connection_file=clean_line(str(found.connection_file)),
        origin=str(found.origin),
        owner_pid=found.owner_pid,
        notebook=clean_line(notebook_of(found, kernel), limit=PATH_WIDTH),
        connections=kernel.connections if kernel else None,
        standing=str(standing),
        why=clean_line(found.why),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a look at a process tells; of one that is gone, nothing."""

    pid: int | None = None
    is_stopped: bool = False
    memory: int | None = None
    cpu_time: float | None = None
    started_at: float | None = None

    @classmethod
    def of(cls, identity: ProcessIdentity | None, children: Children) -> _Facts:
        if identity is None or not identity.is_alive():
            return cls()
        try:
            process = psutil.Process(identity.pid)
            times = process.cpu_times()
            return cls(
                identity.pid,
                process.status() == psutil.STATUS_STOPPED,
                _memory(process, children),
                times.user + times.system,
                process.create_time(),
            )
        except psutil.Error:  # it ended meanwhile
            return cls()

    def state(self, answered: str | None) -> str:
        """Return what the kernel does, `answered` being what it says of that."""
        if self.pid is None:
            return str(KernelState.DEAD)
        return STOPPED if self.is_stopped else str(answered or UNANSWERED)


def _memory(process: psutil.Process, children: Children) -> int:
    total = process.memory_info().rss
    for child in descendants(process.pid, children):
        try:
            total += psutil.Process(child.pid).memory_info().rss
        except psutil.Error:
            continue
    return int(total)
