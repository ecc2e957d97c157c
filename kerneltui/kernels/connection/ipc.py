"""Where the unix sockets of kernels may lie, so that nobody else on the host can reach them."""

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
from kerneltui.paths import runtime_folder
from kerneltui.private_file import make_private_folder
from kerneltui.protocol.connection import ConnectionInfo

MAX_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes: `sun_path` of <sys/un.h> less its closing NUL."""
SHARED_FOLDERS = ("/var/tmp", "/tmp")  # in this order: some systems empty /tmp of what is idle
_STEM = "0123456789ab"  # a kernel's sockets are <stem>-1 to <stem>-5
_IPC_PORTS = range(1, 6)
_claimed: set[str] = set()
_claiming = threading.Lock()


def private_folder() -> Path:
    """Return a folder of mode 0700, ours, that is proven to hold sockets with short enough paths.

    The first of the candidates that will do; made where it is missing. Raises KernelError
    naming each with what is wrong with it.
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

    It begins with the kernel's id where that is hexadecimal, as uuids are, for whoever
    looks into the folder.
    """
    folder = private_folder()
    stem = kernel_id.replace("-", "")[: len(_STEM)]
    if not re.fullmatch("[0-9a-f]{12}", stem):
        stem = os.urandom(len(_STEM) // 2).hex()
    while any(os.path.lexists(f"{folder / stem}-{port}") for port in _IPC_PORTS):
        stem = os.urandom(len(_STEM) // 2).hex()
    return str(folder / stem)


def claim_ipc_ports(ip: str, count: int, beside: Collection[int]) -> list[int]:
    """Return numbers of sockets that no other kernel has, as several may be given one `ip`.

    They are kept from others of this process, as a kernel that starts has no sockets yet.
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
    """Make the folder of a kernel's sockets again, which may have gone since it was chosen.

    Raises KernelError.
    """
    folder = Path(ip).parent
    if folder.exists():
        return
    try:
        _prepare(folder)
    except OSError as error:
        why = error.strerror or error
        raise KernelError(f"no ipc sockets can be made in {folder}: {why}") from None


def remove_ipc_sockets(ip: str, ports: Iterable[int]) -> None:
    """Remove the sockets that a kernel left behind, those that can be removed."""
    for path in ipc_sockets(ip, ports):
        with contextlib.suppress(OSError):
            path.unlink()


def ipc_sockets(ip: str, ports: Iterable[int]) -> Iterator[Path]:
    """Yield the sockets that there are of a kernel; what is no socket is none of its."""
    for port in ports:
        path = Path(f"{ip}-{port}")
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(path.lstat().st_mode):
                yield path


def with_full_ip(info: ConnectionInfo, folders: Iterable[Path]) -> ConnectionInfo:
    """Return the whole path of a kernel's sockets; a relative one may be of any of `folders`.

    It stays as it is where no folder has a socket of that name.
    """
    if info.transport != "ipc" or Path(info.ip).is_absolute():
        return info
    for folder in folders:
        ip = str(folder / info.ip)
        if any(ipc_sockets(ip, info.ports.values())):
            return replace(info, ip=ip)
    return info


def candidate_folders() -> Iterator[Path]:
    """Yield where sockets could lie, the usual place first, then short paths."""
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
    """Return a path without links; `Path.resolve` raises RuntimeError for one that is a ring."""
    return Path(os.path.realpath(path))


def _prepare(folder: Path) -> None:
    """Make the folder private, or raise OSError saying why it cannot be trusted."""
    length = len(os.fsencode(folder / _STEM)) + len("-5")
    if length > MAX_SOCKET_PATH:
        raise OSError(f"its sockets' paths have {length} bytes, over {MAX_SOCKET_PATH}")
    make_private_folder(folder, parents=True)
    for parent in _real(folder).parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise OSError(f"anyone may replace it: {parent} is writable by all")


def _hold_a_socket(folder: Path) -> None:
    """Bind a socket there: some file systems refuse, network and FUSE mounts among them."""
    path = folder / f"{os.urandom(len(_STEM) // 2).hex()}-5"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(os.fspath(path))
        path.unlink()
