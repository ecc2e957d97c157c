"""Following a kernel: does it go on, or is its end the end of what is followed?"""

from __future__ import annotations

from kerneltui.commands.listing import Listed
from kerneltui.errors import KernelError
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.manifest import manifest_path, read_manifest

POLL = 0.5  # seconds between two looks


def goes_on(kernel: Listed) -> bool:
    """Tell whether the process of a kernel of ours lives, or another one does, or is about to.

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
