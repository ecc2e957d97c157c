"""The kernels of this user as the command line tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.commands.probe import ask_states
from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.fleet.census import Census, Suspect
from kerneltui.fleet.connection_files import connection_folders
from kerneltui.fleet.discovery import Discovery
from kerneltui.fleet.found import Found, Known, Whereabouts
from kerneltui.fleet.manifest import Manifest, find_manifests, read_manifest
from kerneltui.fleet.origin import Origin
from kerneltui.fleet.row import PATH_WIDTH, notebook_of
from kerneltui.fleet.server_watch import Served, ask_servers
from kerneltui.fleet.servers import find_servers
from kerneltui.fleet.standing import Standing
from kerneltui.fleet.strangers import attached_manager, name_of, server_folders
from kerneltui.kernels.connection_file import read_connection_file
from kerneltui.kernels.family import descendants
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.spec import KernelSpecManager
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

ANSWER_TIME = 0.2  # seconds for kernels to say what they do; who has not by then is not known
SERVER_TIME = 0.2  # seconds for a Jupyter server to list its kernels
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
    standing: str = str(Standing.VERIFIED)
    """How sure it is that it is what it seems: a word of Standing."""
    why: str = ""
    """Of a standing that is none to rely on."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called by, beside the beginning of its id."""
        return (self.id, self.name, *([str(self.pid)] if self.pid else []))


def manifests() -> list[Manifest]:
    """Return what can be read of kerneltui's kernels, those of other hosts too, oldest first."""
    found = []
    for path in find_manifests(Path(jupyter_runtime_dir())):
        try:
            found.append(read_manifest(path))
        except KernelError:
            continue  # the dashboard tells of it; here it would stand in every list
    return sorted(found, key=lambda manifest: manifest.started_at)


def of_this_host(known: Iterable[Manifest]) -> list[Manifest]:
    return [each for each in known if each.is_here and not each.is_unfinished]


def list_all(within: float = ANSWER_TIME) -> list[Listed]:
    """Return kerneltui's kernels, those that others have started, and files left behind.

    Kernels of a Jupyter server are not asked: it would keep count of that. It is asked itself.
    """
    known = manifests()
    found, listing = find_strangers(known)
    infos = {each.kernel_id: each.info for each in found if each.may_be_asked and each.info}
    states = ask_states(infos, within)
    ours = _list_ours(of_this_host(known), within)
    return [*ours, *(_listed_stranger(each, states, listing.get(each.kernel_id)) for each in found)]


def find_strangers(known: Iterable[Manifest]) -> tuple[tuple[Found, ...], dict[str, Served]]:
    """Return the kernels that are not of the manifests `known`, and what servers list."""
    discovery = Discovery()
    seen = Known(
        ours={each.connection_file for each in of_this_host(known)},
        elsewhere={each.connection_file: each.host for each in known if not each.is_here},
    )
    found = discovery.look(seen)
    servers = tuple(find_servers({*connection_folders(), *server_folders(found)}))
    listing = ask_servers(servers, SERVER_TIME)
    if servers:
        seen = replace(
            seen,
            servers={server.pid for server in servers},
            served={kernel_id: served.server.pid for kernel_id, served in listing.items()},
        )
        found = discovery.look(seen)
    if answered := _answered(found):
        found = discovery.look(replace(seen, answered=answered))
    return found, listing


def _answered(found: Iterable[Found]) -> Mapping[Path, Whereabouts | None]:
    """Ask what nothing else proves where it runs."""
    specs, census = KernelSpecManager(), Census()
    census.look(Suspect(each, attached_manager(each, specs)) for each in found if each.is_unproven)
    census.close()
    return census.answered


def _list_ours(known: Sequence[Manifest], within: float) -> list[Listed]:
    alive = {each.kernel_id: each for each in known if each.identity and each.identity.is_alive()}
    infos = {}
    for kernel_id, manifest in alive.items():
        try:
            infos[kernel_id] = read_connection_file(manifest.connection_file)
        except KernelError:
            continue
    states = ask_states(infos, within)
    return [
        _listed(each, states.get(each.kernel_id), alive=each.kernel_id in alive) for each in known
    ]


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


def _listed(manifest: Manifest, answered: KernelState | None, *, alive: bool) -> Listed:
    facts = _Facts.of(manifest.identity if alive else None, answered)
    is_new = manifest.identity is None and not manifest.is_unfinished
    return Listed(
        id=clean_line(manifest.kernel_id),
        name=clean_line(manifest.name),
        kernelspec=clean_line(manifest.kernel_name),
        pid=facts.pid,
        state=str(KernelState.STARTING) if is_new else facts.state,
        memory=facts.memory,
        cpu_time=facts.cpu_time,
        started_at=manifest.started_at,
        cwd=clean_line(manifest.cwd),
        connection_file=clean_line(manifest.connection_file),
        origin=str(Origin.KERNELTUI),
    )


def _listed_stranger(
    found: Found, states: Mapping[str, KernelState], served: Served | None
) -> Listed:
    answered = states.get(found.kernel_id)
    told = answered or (served.kernel.state if served else None) or UNANSWERED
    facts = _Facts.of(found.identity, told)
    is_asked = found.may_be_asked and bool(states)
    standing = found.standing
    if is_asked:
        standing = Standing.VERIFIED if answered else Standing.SILENT
    kernel = served.kernel if served else None
    return Listed(
        id=clean_line(found.kernel_id),
        name=clean_line(name_of(found, kernel)),
        kernelspec=clean_line(found.info.kernel_name if found.info else ""),
        pid=facts.pid,
        state=LEFT_STATES.get(found.standing) or (facts.state if found.identity else told),
        memory=facts.memory,
        cpu_time=facts.cpu_time,
        started_at=facts.started_at,
        cwd=clean_line(found.cwd),
        connection_file=clean_line(str(found.connection_file)),
        origin=str(found.origin),
        owner_pid=found.owner_pid,
        notebook=clean_line(notebook_of(found, kernel), limit=PATH_WIDTH),
        standing=str(standing),
        why=clean_line(found.why),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a look at a process tells."""

    state: str = str(KernelState.DEAD)
    pid: int | None = None
    memory: int | None = None
    cpu_time: float | None = None
    started_at: float | None = None

    @classmethod
    def of(cls, identity: ProcessIdentity | None, answered: str | None) -> _Facts:
        if identity is None:
            return cls()
        try:
            process = psutil.Process(identity.pid)
            is_stopped = process.status() == psutil.STATUS_STOPPED
            times = process.cpu_times()
            return cls(
                STOPPED if is_stopped else str(answered or UNANSWERED),
                identity.pid,
                _memory(process),
                times.user + times.system,
                process.create_time(),
            )
        except psutil.Error:  # it ended meanwhile
            return cls()


def _memory(process: psutil.Process) -> int:
    total = process.memory_info().rss
    for child in descendants(process.pid):
        try:
            total += psutil.Process(child.pid).memory_info().rss
        except psutil.Error:
            continue
    return int(total)
