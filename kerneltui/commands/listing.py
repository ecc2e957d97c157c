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
from kerneltui.fleet.manifest import Manifest, find_manifests, read_manifest
from kerneltui.kernels.connection_file import read_connection_file
from kerneltui.kernels.family import descendants
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

ANSWER_TIME = 0.2  # seconds for kernels to say what they do; who has not by then is not known
UNANSWERED = "?"
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
    started_at: float
    """Seconds since the epoch."""
    cwd: str
    connection_file: str

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


def list_kernels(within: float = ANSWER_TIME) -> list[Listed]:
    """Return all kernels, the oldest first; those that live are asked, `within` seconds."""
    known = manifests()
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
    pid = manifest.identity.pid if manifest.identity and alive else None
    state, memory, cpu_time = str(answered or UNANSWERED), None, None
    if pid is None:
        launching = manifest.identity is None and time.time() - manifest.started_at < 60
        state = KernelState.STARTING if launching else KernelState.DEAD
    else:
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_STOPPED:
                state = STOPPED
            times = process.cpu_times()
            cpu_time, memory = times.user + times.system, _memory(process)
        except psutil.Error:
            state, pid = KernelState.DEAD, None
    return Listed(
        id=clean_line(manifest.kernel_id),
        name=clean_line(manifest.name),
        kernelspec=clean_line(manifest.kernel_name),
        pid=pid,
        state=str(state),
        memory=memory,
        cpu_time=cpu_time,
        started_at=manifest.started_at,
        cwd=clean_line(manifest.cwd),
        connection_file=clean_line(manifest.connection_file),
    )


def _memory(process: psutil.Process) -> int:
    total = process.memory_info().rss
    for child in descendants(process.pid):
        try:
            total += psutil.Process(child.pid).memory_info().rss
        except psutil.Error:
            continue
    return int(total)
