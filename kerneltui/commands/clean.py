"""`kerneltui clean`: the files of kernels that are gone, shown first and removed when told to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from kerneltui.commands.listing import find_strangers, manifests, of_this_host
from kerneltui.errors import KernelError
from kerneltui.fleet.found import STARTUP, Found
from kerneltui.fleet.listeners import listeners
from kerneltui.fleet.manifest import Manifest, manifest_path
from kerneltui.fleet.recording import older_path, recording_path
from kerneltui.fleet.standing import Standing
from kerneltui.kernels.connection_file import read_connection_file
from kerneltui.kernels.ipc import ipc_sockets
from kerneltui.protocol.text import clean_line

PATH_WIDTH = 500  # characters


def clean(*, for_real: bool) -> int:
    """Tell which files would go, or remove them; those of a kernel that lives are left alone.

    What may be of another host is told and stays.
    """
    remains = list(_remains())
    for path, why in remains:
        verb = "removed" if for_real else "would remove"
        if for_real:
            path.unlink(missing_ok=True)
        print(f"{verb} {clean_line(str(path), limit=PATH_WIDTH)}  ({clean_line(why)})")
    for found in _strangers(Standing.ELSEWHERE):
        file = clean_line(str(found.connection_file), limit=PATH_WIDTH)
        print(f"left {file}  (maybe on another host: {clean_line(found.why)})")
    if not remains:
        print("there is nothing to clean")
    elif not for_real:
        print("nothing was removed: kerneltui clean --yes does it")
    return 0


def _remains() -> Iterator[tuple[Path, str]]:
    """Yield the files that can go, each with why."""
    for manifest in of_this_host(manifests()):
        is_dead = manifest.identity is not None and not manifest.identity.is_alive()
        if is_dead:
            files = [*_sockets(Path(manifest.connection_file)), *_files(manifest)]
            yield from ((path, f"of {manifest.name}, which is dead") for path in files)
    for found in _strangers(Standing.STALE):
        if _is_old(found.connection_file):
            begun = manifest_path(str(found.connection_file), found.kernel_id)
            files = [*_sockets(found.connection_file), found.connection_file]
            files += [begun] if begun.exists() else []
            yield from ((path, found.why) for path in files)


def _strangers(standing: Standing) -> list[Found]:
    return [each for each in find_strangers(manifests())[0] if each.standing is standing]


def _files(manifest: Manifest) -> list[Path]:
    recording = recording_path(manifest.connection_file, manifest.kernel_id)
    connection_file = Path(manifest.connection_file)
    files = (connection_file, manifest.log, recording, older_path(recording), manifest.path)
    return [path for path in files if path.exists()]


def _is_old(path: Path) -> bool:
    """Tell whether a file is not of a kernel that somebody is about to start."""
    try:
        return time.time() - path.stat().st_mtime > STARTUP
    except OSError:
        return False


def _sockets(connection_file: Path) -> list[Path]:
    """Return the sockets that a kernel over ipc has left, and at which nobody listens."""
    try:
        info = read_connection_file(connection_file)
    except KernelError:
        return []
    if info.transport != "ipc":
        return []
    taken = listeners()
    return [path for path in ipc_sockets(info.ip, info.ports.values()) if str(path) not in taken]
