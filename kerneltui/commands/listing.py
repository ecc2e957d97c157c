"""The kernels of this user as the command line tells of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.commands.probe import ask_states
from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.fleet.found import Found, Origin, find_kernels
from kerneltui.fleet.manifest import Manifest, find_manifests, read_manifest
from kerneltui.kernels.connection_file import read_connection_file
from kerneltui.kernels.family import descendants
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

ANSWER_TIME = 0.2  # seconds for kernels to say what they do; who has not by then is not known
UNANSWERED = "?"
STRANGERS_NAME = 8  # characters of its id: nobody has given it another name
LAUNCH_TIME = 60.0  # seconds that a launch may take
STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Listed:
    """One kernel. Texts have passed the gate."""

    id: str
    name: str
    kernelspec: str
    pid: int | None
    """None once the process is gone."""
    state: str
    """A word of KernelState, "stopped" for a process that was, "?" where no answer came."""
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

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called by, beside the beginning of its id."""
        return (self.id, self.name, *([str(self.pid)] if self.pid else []))


def manifests() -> list[Manifest]:
    """Return what can be read of this user's kernels, the oldest first."""
    found = []
    for path in find_manifests(Path(jupyter_runtime_dir())):
        try:
            found.append(read_manifest(path))
        except KernelError:
            continue  # the dashboard tells of it; here it would stand in every list
    return sorted(found, key=lambda manifest: manifest.started_at)


def list_all(within: float = ANSWER_TIME) -> list[Listed]:
    """Return kerneltui's kernels, then those that others have started.

    A file that no process names and nobody answers for is left out: it may be stale, or of
    another host. Kernels of a Jupyter server are not asked: it would keep count of that.
    """
    known = manifests()
    found = list(find_kernels({each.connection_file for each in known}))
    infos = {each.kernel_id: each.info for each in found if each.may_be_asked}
    states = ask_states(infos, within)
    there = [each for each in found if each.identity or each.kernel_id in states]
    ours = _list_ours(known, within)
    return [*ours, *(_listed_stranger(each, states.get(each.kernel_id)) for each in there)]


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
    is_new = manifest.identity is None and time.time() - manifest.started_at < LAUNCH_TIME
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


def _listed_stranger(found: Found, answered: KernelState | None) -> Listed:
    facts = _Facts.of(found.identity, answered)
    return Listed(
        id=clean_line(found.kernel_id),
        name=clean_line(found.kernel_id[:STRANGERS_NAME]),
        kernelspec="",
        pid=facts.pid,
        state=facts.state if found.identity else str(answered),
        memory=facts.memory,
        cpu_time=facts.cpu_time,
        started_at=facts.started_at,
        cwd=clean_line(found.cwd),
        connection_file=clean_line(str(found.connection_file)),
        origin=str(found.origin),
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
    def of(cls, identity: ProcessIdentity | None, answered: KernelState | None) -> _Facts:
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
