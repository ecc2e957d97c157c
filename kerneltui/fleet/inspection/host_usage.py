"""HostUsage: the memory and the load of this host, as its kernels meet them."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import psutil

from kerneltui.frozen import frozen

CGROUPS = Path("/sys/fs/cgroup")
_MEMORY_STEP = 0.01  # of all memory: what a percentage shows
_LOAD_DIGITS = 1


@frozen
class HostUsage:
    """In steps that a quiet host does not take."""

    memory: float
    """The share of the memory that is used, from 0 to 1."""
    load: float
    """Processes that want a processor, on average over the last minute."""
    cores: int


def look_at_host() -> HostUsage:
    memory = psutil.virtual_memory()
    share = 1.0 - memory.available / memory.total
    return HostUsage(
        memory=round(share / _MEMORY_STEP) * _MEMORY_STEP,
        load=round(os.getloadavg()[0], _LOAD_DIGITS),
        cores=os.cpu_count() or 1,
    )


def memory_limit() -> int:
    """Return the bytes that what we start may take together: those of the host or of the cgroup."""
    return min(psutil.virtual_memory().total, *_cgroup_limits(), 1 << 62)


def _cgroup_limits(groups: Path = CGROUPS) -> list[int]:
    """Return the limits of our cgroup and of those above it; none where there are none."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    paths = [line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")]
    return [
        limit
        for path in paths
        for part in (PurePosixPath(path), *PurePosixPath(path).parents)
        if (limit := _read_limit(groups / part / "memory.max")) is not None
    ]


def _read_limit(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max" says that there is none
        return None
