"""Whether a folder may be shared: with other hosts and containers, or with other users."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import NamedTuple

from kerneltui.paths import own_folder
from kerneltui.private_file import folder_problem

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "smb3", "smbfs", "virtiofs"),
    }
)
_SUBVOLUMES = frozenset({"btrfs", "bcachefs"})  # whose roots are parts without being shared


class Mount(NamedTuple):
    """A line of mountinfo."""

    point: Path
    part: str
    """What of the file system is mounted there; "/" is all."""
    kind: str


def runtime_folder_problems() -> tuple[str, ...]:
    """Return what is wrong with the folders that kernels are found by, a sentence each."""
    from jupyter_core.paths import jupyter_runtime_dir  # which the recorder should not pay

    runtime = Path(jupyter_runtime_dir())
    problems = (folder_problem(each) for each in (runtime, own_folder(runtime)))
    return tuple(filter(None, problems))


@functools.cache
def is_shared(folder: Path) -> bool:
    """Tell whether a folder lies on a network file system or is a part of some other host's."""
    try:
        mounts = parse_mounts(MOUNTS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return False
    folder = Path(os.path.realpath(folder))  # which a link to itself has too
    around = [mount for mount in mounts if folder.is_relative_to(mount.point)]
    if not around:
        return False
    mount = max(reversed(around), key=lambda mount: len(mount.point.parts))
    is_of_network = mount.kind in _NETWORK or mount.kind.startswith("fuse")
    return is_of_network or (mount.part != "/" and mount.kind not in _SUBVOLUMES)


def parse_mounts(text: str) -> list[Mount]:
    """Return the mounts that a mountinfo tells of, in its order; later ones cover earlier ones."""
    mounts = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) > 4:
            mounts.append(Mount(Path(_unescape(fields[4])), fields[3], after.split(" ")[0]))
    return mounts


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), path)
