"""`kerneltui clean`: the files of kernels that are dead, shown first and removed when told to."""

from __future__ import annotations

from pathlib import Path

from kerneltui.commands.listing import manifests
from kerneltui.errors import KernelError
from kerneltui.fleet.manifest import Manifest
from kerneltui.kernels.connection_file import read_connection_file
from kerneltui.kernels.ipc import remove_ipc_sockets
from kerneltui.kernels.logfile import LogFile
from kerneltui.protocol.text import clean_line


def clean(*, for_real: bool) -> int:
    """Tell which files would go, or remove them; those of a kernel that lives are left alone."""
    dead = [each for each in manifests() if each.identity and not each.identity.is_alive()]
    for manifest in dead:
        files = [path for path in _files(manifest) if path.exists()]
        verb = "removed" if for_real else "would remove"
        for path in files:
            print(f"{verb} {clean_line(str(path), limit=500)}")
        if for_real:
            _remove_sockets(manifest)
            for path in files:
                path.unlink(missing_ok=True)
    if not dead:
        print("there is nothing to clean")
    elif not for_real:
        print("nothing was removed: kerneltui clean --yes does it")
    return 0


def _files(manifest: Manifest) -> list[Path]:
    log = LogFile.beside(manifest.connection_file, manifest.kernel_id).path
    return [Path(manifest.connection_file), log, manifest.path]


def _remove_sockets(manifest: Manifest) -> None:
    try:
        info = read_connection_file(manifest.connection_file)
    except KernelError:
        return
    if info.transport == "ipc":
        remove_ipc_sockets(info.ip, list(info.ports.values()))
