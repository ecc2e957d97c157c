"""Tells whether a folder may be shared with other hosts, containers or users."""

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
_SUBVOLUMES = frozenset({"btrfs", "bcachefs"})  # their roots look like parts, but are not shared


class Mount(NamedTuple):
    """A line of mountinfo."""

    point: Path
    part: str
    """The part of the file system that is mounted there; "/" is all of it."""
    kind: str


def runtime_folder_problems() -> tuple[str, ...]:
    """Return what is wrong with the folders in which kernels are found, a sentence each."""
    from jupyter_core.paths import jupyter_runtime_dir  # loaded late: the recorder does not need it

    runtime = Path(jupyter_runtime_dir())
    problems = (folder_problem(each) for each in (runtime, own_folder(runtime)))
    return tuple(filter(None, problems))


@functools.cache
def is_shared(folder: Path) -> bool:
    """Tell whether a folder lies on a network file system or in a part of another host's."""
    try:
        mounts = parse_mounts(MOUNTS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return False
    folder = Path(os.path.realpath(folder))  # resolve() raises on a link to itself
    around = [mount for mount in mounts if folder.is_relative_to(mount.point)]
    if not around:
        return False
    mount = max(reversed(around), key=lambda mount: len(mount.point.parts))
    is_of_network = mount.kind in _NETWORK or mount.kind.startswith("fuse")
    return is_of_network or (mount.part != "/" and mount.kind not in _SUBVOLUMES)


def parse_mounts(text: str) -> list[Mount]:
    """Return the mounts in the text of a mountinfo, in order; later ones cover earlier ones."""
    mounts = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) > 4:
            mounts.append(Mount(Path(_unescape(fields[4])), fields[3], after.split(" ")[0]))
    return mounts


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), path)
