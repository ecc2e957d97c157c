"""Folders for the unix sockets of kernels, which no other user of the host can reach."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
import stat
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from kerneltui.errors import KernelError
from kerneltui.path_checks import is_there
from kerneltui.paths import runtime_folder
from kerneltui.private_file import make_private_folder
from kerneltui.protocol.connection import ConnectionInfo

MAX_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes: `sun_path` of <sys/un.h> less its closing NUL."""
SHARED_FOLDERS = ("/var/tmp", "/tmp")  # in this order: some systems delete unused files in /tmp
_STEM = "0123456789ab"  # a kernel's sockets are <stem>-1 to <stem>-5
_IPC_PORTS = range(1, 6)
_claimed: set[str] = set()
_claiming = threading.Lock()


def private_folder() -> Path:
    """Return a folder of mode 0700, ours, that is proven to hold sockets.

    It is the first of `candidate_folders` that works and whose paths are short enough; it is made
    if it is missing. Raises a KernelError that names each candidate and what is wrong with it.
    """
    refused = []
    for folder in candidate_folders():
        try:
            _prepare(folder)
            _hold_a_socket(folder)
        except OSError as error:
            refused.append(f"{folder} ({error.strerror or error})")
        else:
            return folder
    raise KernelError(f"no folder can hold a kernel's ipc sockets; tried {', '.join(refused)}")


def new_ipc_ip(kernel_id: str) -> str:
    """Return an `ip` for the ipc transport: the sockets of one kernel are `<ip>-1` to `<ip>-5`.

    Its file name begins with the kernel's id if that is hexadecimal, as uuids are: so a user who
    looks into the folder can tell the kernels apart.
    """
    folder = private_folder()
    stem = kernel_id.replace("-", "")[: len(_STEM)]
    if not re.fullmatch("[0-9a-f]{12}", stem):
        stem = os.urandom(len(_STEM) // 2).hex()
    while any(os.path.lexists(f"{folder / stem}-{port}") for port in _IPC_PORTS):
        stem = os.urandom(len(_STEM) // 2).hex()
    return str(folder / stem)


def claim_ipc_ports(ip: str, count: int, beside: Collection[int]) -> list[int]:
    """Return socket numbers that no other kernel has; several may be given the same `ip`.

    No other kernel of this process gets them, though a kernel that starts has no sockets yet.
    `beside`: numbers that the kernel has already.
    """
    with _claiming:
        free = (
            (number, path)
            for number in itertools.count(1)
            if number not in beside
            and (path := f"{ip}-{number}") not in _claimed
            and not os.path.lexists(path)
        )
        found = dict(itertools.islice(free, count))
        _claimed.update(found.values())
        return list(found)


def release_ipc_ports(ip: str, ports: Iterable[int]) -> None:
    """Let other kernels have the numbers, once these sockets are gone."""
    with _claiming:
        _claimed.difference_update(f"{ip}-{port}" for port in ports)


def keep_ipc_folder(ip: str) -> None:
    """Make the folder of a kernel's sockets again, if it has gone since it was chosen.

    Raises KernelError.
    """
    folder = Path(ip).parent
    if is_there(folder):
        return
    try:
        _prepare(folder)
    except OSError as error:
        why = error.strerror or error
        raise KernelError(f"no ipc sockets can be made in {folder}: {why}") from None


def remove_ipc_sockets(ip: str, ports: Iterable[int]) -> None:
    """Remove the sockets that a kernel left behind, as far as they can be removed."""
    for path in ipc_sockets(ip, ports):
        with contextlib.suppress(OSError):
            path.unlink()


def ipc_sockets(ip: str, ports: Iterable[int]) -> Iterator[Path]:
    """Yield the sockets of a kernel that exist; a file of another type is left out."""
    for port in ports:
        path = Path(f"{ip}-{port}")
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(path.lstat().st_mode):
                yield path


def with_full_ip(info: ConnectionInfo, folders: Iterable[Path]) -> ConnectionInfo:
    """Return `info` with the absolute path of a kernel's ipc sockets.

    A relative path is looked up in `folders`. It stays as it is if none of them has a socket of
    that name.
    """
    if info.transport != "ipc" or Path(info.ip).is_absolute():
        return info
    for folder in folders:
        ip = str(folder / info.ip)
        if any(ipc_sockets(ip, info.ports.values())):
            return replace(info, ip=ip)
    return info


def candidate_folders() -> Iterator[Path]:
    """Yield folders for sockets: the usual place first, then those with short paths."""
    runtime = runtime_folder() / "kerneltui-ipc"
    if not _wiped_at_logout(runtime):
        yield runtime
    for shared in SHARED_FOLDERS:
        yield Path(shared, f"kerneltui-{os.geteuid()}")


def _wiped_at_logout(folder: Path) -> bool:
    """Tell whether the system empties this folder when the user's last session ends."""
    roots = ["/run/user", os.environ.get("XDG_RUNTIME_DIR") or "/run/user"]
    return any(_real(folder).is_relative_to(_real(Path(root))) for root in roots)


def _real(path: Path) -> Path:
    """Return a path without links; for a ring of links `Path.resolve` raises RuntimeError."""
    return Path(os.path.realpath(path))


def _prepare(folder: Path) -> None:
    """Make the folder private, or raise an OSError that says why it cannot be trusted."""
    length = len(os.fsencode(folder / _STEM)) + len("-5")
    if length > MAX_SOCKET_PATH:
        raise OSError(f"its sockets' paths have {length} bytes, over {MAX_SOCKET_PATH}")
    make_private_folder(folder, parents=True)
    for parent in _real(folder).parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise OSError(f"anyone may replace it: {parent} is writable by all")


def _hold_a_socket(folder: Path) -> None:
    """Prove that a socket can be bound there: some network and FUSE mounts refuse it."""
    path = folder / f"{os.urandom(len(_STEM) // 2).hex()}-5"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(os.fspath(path))
        path.unlink()
