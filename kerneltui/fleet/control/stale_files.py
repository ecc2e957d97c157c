"""Stale files: the files that kernels, ours and others, leave when they have ended."""

from __future__ import annotations

import time
from pathlib import Path

from kerneltui.errors import KernelError
from kerneltui.fleet.discovery.found import STARTUP, Found
from kerneltui.fleet.discovery.processes import Processes
from kerneltui.fleet.keeper.recording.recording import older_path, recording_path
from kerneltui.fleet.manifests.manifest import (
    RESTARTING,
    Manifest,
    manifest_path,
    read_manifest,
    resolved,
)
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.connection.ipc import ipc_sockets
from kerneltui.kernels.connection.listeners import listeners, owner
from kerneltui.path_checks import is_there


def is_over(manifest: Manifest) -> bool:
    """Tell whether a kernel of ours is dead and stays dead, by a fresh look at this host.

    A kernel that has just died may be about to be started again; the process that starts it may end
    before it has noted the new process.
    """
    if is_used(Path(resolved(manifest)), Processes()):
        return False
    try:
        current, written_at = read_manifest(manifest.path), manifest.path.stat().st_mtime
    except (KernelError, OSError):
        return False
    if current.identity is None or current.identity.is_alive():
        return False
    may_come_back = current.autorestart or current.order == RESTARTING
    return not may_come_back or time.time() - written_at > STARTUP


def is_used(connection_file: Path, processes: Processes) -> bool:
    """Tell whether a process of this host names a connection file, or listens for it, now."""
    return connection_file in processes.look() or _is_listened_at(connection_file)


def _is_listened_at(connection_file: Path) -> bool:
    try:
        info = read_connection_file(connection_file)
    except KernelError:
        return False
    return owner(info, listeners()).is_there


def left_by_ours(manifest: Manifest) -> list[Path]:
    """Return the existing files of a dead kernel of ours."""
    recording = recording_path(manifest.connection_file, manifest.kernel_id)
    file = Path(manifest.connection_file)
    files = (file, manifest.log, recording, older_path(recording), manifest.path)
    return [*_sockets(file), *(path for path in files if is_there(path))]


def left_by_others(found: Found) -> list[Path]:
    """Return a stale connection file, its sockets, and its unfinished manifest if there is one."""
    begun = manifest_path(str(found.connection_file), found.kernel_id)
    files = (found.connection_file, begun)
    return [*_sockets(found.connection_file), *(path for path in files if is_there(path))]


def may_be_of_one_to_come(found: Found) -> bool:
    """Tell whether a stale file is so new that its kernel may be about to start."""
    try:
        return time.time() - found.connection_file.stat().st_mtime <= STARTUP
    except OSError:
        return False


def _sockets(connection_file: Path) -> list[Path]:
    """Return the ipc sockets of an ended kernel on which no process listens."""
    try:
        info = read_connection_file(connection_file)
    except KernelError:
        return []
    if info.transport != "ipc":
        return []
    taken = listeners()
    return [path for path in ipc_sockets(info.ip, info.ports.values()) if str(path) not in taken]
