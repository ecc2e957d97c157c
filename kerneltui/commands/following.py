"""Tells a command that follows a kernel whether the kernel goes on, also after a restart."""

from __future__ import annotations

from kerneltui.commands.listing import Listed
from kerneltui.errors import KernelError
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.manifest import manifest_path, read_manifest

POLL = 0.5  # seconds between two looks


def goes_on(kernel: Listed) -> bool:
    """Tell whether a kernel of ours has a living process, or will soon have a new one.

    `kernel`: as it was when it was listed.
    """
    if kernel.identity is not None and kernel.identity.is_alive():
        return True
    manifest = manifest_path(kernel.connection_file, kernel.id)
    try:
        now = read_manifest(manifest).identity
    except KernelError:  # it was dismissed
        return False
    return (now is not None and now.is_alive()) or is_locked(manifest)
