"""Found: kernels of this user that something else has started, by their connection files.

Nothing is asked of anybody here: files are read, and processes looked at.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil
from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.errors import KernelError
from kerneltui.kernels.connection_file import read_connection_file
from kerneltui.kernels.identity import ProcessIdentity, identify, identify_with_parent
from kerneltui.protocol.connection import Channel, ConnectionInfo

INIT = 1  # the parent of whom nobody else has

_VSCODE = re.compile(r"kernel-v\d[0-9a-f]{20,}")
_SPYDER = re.compile(r"kernel-[0-9a-f]{12}")
_CONSOLE = re.compile(r"kernel-\d+")


class Origin(StrEnum):
    """Who started a kernel."""

    KERNELTUI = "kerneltui"
    SERVER = "server"
    VSCODE = "vscode"
    SPYDER = "spyder"
    CONSOLE = "console"
    ORPHAN = "orphan"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Found:
    """A kernel that is not ours. Texts are as they were found."""

    kernel_id: str
    connection_file: Path
    info: ConnectionInfo
    identity: ProcessIdentity | None
    """The process whose arguments name the file; None where none does."""
    origin: Origin
    owner_pid: int | None
    """Of the server that the kernel belongs to."""
    cwd: str
    """Of its process; "" where that may not be read."""

    @property
    def may_be_asked(self) -> bool:
        """A server keeps count of what its kernels say: asking one changes what it tells others."""
        return self.origin is not Origin.SERVER


@dataclass(frozen=True, slots=True)
class Candidate:
    """A process whose arguments name a connection file."""

    pid: int
    parent: int
    file: Path


def find_kernels(ours: Collection[str]) -> Iterator[Found]:
    """Yield the kernels whose connection files are not among `ours`, by the files' names."""
    files = {
        path.resolve(): path
        for folder in connection_folders()
        for path in sorted(folder.glob("kernel-*.json"))
        if str(path) not in ours
    }
    candidates = list(_candidates(files.keys())) if files else []
    listening = functools.cache(_listening)  # looked up once, where it is needed at all
    for resolved, path in files.items():
        try:
            info = read_connection_file(path)
        except KernelError:
            continue  # no connection file, or being written
        kernel = innermost(each for each in candidates if each.file == resolved)
        yield _found(path, info, kernel or _listener(resolved, info, listening))


def connection_folders() -> tuple[Path, ...]:
    """Return where tools of this user leave connection files; VS Code has a place of its own."""
    folders = [Path(jupyter_runtime_dir())]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        folders.append(Path(runtime, "jupyter", "runtime"))
    return tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def innermost(candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the kernel among processes of one file: what wraps it has it as a descendant."""
    found = list(candidates)
    parents = {each.parent for each in found}
    return next((each for each in found if each.pid not in parents), None)


def origin_of(name: str, parent: int | None, servers: Collection[int]) -> Origin:
    """Return who started a kernel, by its file's name without .json, and its parent's pid."""
    if parent in servers:
        return Origin.SERVER
    for pattern, origin in (
        (_VSCODE, Origin.VSCODE),
        (_CONSOLE, Origin.CONSOLE),  # before Spyder's: digits are hexadecimal too
        (_SPYDER, Origin.SPYDER),
    ):
        if pattern.fullmatch(name):
            return origin
    return Origin.ORPHAN if parent == INIT else Origin.UNKNOWN


def _listener(
    file: Path, info: ConnectionInfo, listening: Callable[[], Mapping[int, int]]
) -> Candidate | None:
    """Return the process that listens on a kernel's port; none has a file's name in its arguments.

    Of a stale file the port may be another's by now, but hardly both.
    """
    if info.transport != "tcp":
        return None
    pids = {listening().get(info.ports[channel]) for channel in (Channel.SHELL, Channel.CONTROL)}
    pid = pids.pop()
    if pids or pid is None:
        return None
    found = identify_with_parent(pid)
    return Candidate(pid, found[0], file) if found else None


def _listening() -> Mapping[int, int]:
    """Return the pids of this user's processes by the tcp port that each listens on."""
    return {
        each.laddr.port: each.pid
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.pid is not None and each.laddr
    }


def _found(path: Path, info: ConnectionInfo, kernel: Candidate | None) -> Found:
    parent = kernel.parent if kernel else None
    origin = origin_of(path.stem, parent, _servers(path.parent))
    return Found(
        kernel_id=path.stem.removeprefix("kernel-"),
        connection_file=path,
        info=info,
        identity=identify(kernel.pid) if kernel else None,
        origin=origin,
        owner_pid=parent if origin is Origin.SERVER else None,
        cwd=_cwd(kernel.pid) if kernel else "",
    )


def _servers(folder: Path) -> set[int]:
    """Return the pids of the Jupyter servers that have left a file in `folder`."""
    pids = (path.stem.rpartition("-")[2] for path in folder.glob("*server-*.json"))
    return {int(pid) for pid in pids if pid.isdecimal()}


def _candidates(files: Collection[Path]) -> Iterator[Candidate]:
    """Yield the processes of this user whose arguments name one of `files`."""
    names: Mapping[str, Path] = {path.name: path for path in files}
    for process in psutil.process_iter(["cmdline", "ppid", "uids"]):
        found = process.info
        if not found["uids"] or found["uids"].real != os.getuid():
            continue
        for argument in found["cmdline"] or ():
            word = argument.rpartition("=")[2]
            path = names.get(word.rpartition("/")[2])
            if path is not None and Path(word).is_absolute() and Path(word).resolve() == path:
                yield Candidate(process.pid, found["ppid"], path)
                break


def _cwd(pid: int) -> str:
    try:
        return psutil.Process(pid).cwd()
    except psutil.Error:
        return ""
