"""The memory that several processes take together: shared pages count once.

A forked process shares nearly all pages with its parent until one of the two writes to them. So
the sum of their resident bytes would count the same pages many times.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from kerneltui.kernels.processes.stat import read_resident

_FIGURE = re.compile(rb"^(Pss|Private_\w+): +([0-9]{1,15}) kB", re.MULTILINE)


class Shares(NamedTuple):
    """The memory of one process, in bytes."""

    pss: int
    """Its own pages, and its part of the shared ones."""
    uss: int
    """Its own pages: its end would free these."""


def memory_of(pids: Collection[int], *, is_forked: bool) -> int:
    """Return the bytes that a kernel's processes take together.

    For a single one these are its resident bytes. For several the OS is asked for each one's
    share, which is slow: the OS looks at all pages. Their shares leave out what they share with
    other programs, so that a small child would make a kernel look smaller: the result is never
    below the resident bytes of the largest.

    `is_forked`: the kernel was forked from a template. Then only its share counts, as the template
    and its other kernels have the rest as well.
    """
    resident = {pid: read_resident(pid) for pid in pids}
    if len(resident) <= 1 and not is_forked:
        return sum(resident.values())
    shares = {pid: shares_of(pid) for pid in pids}
    together = sum(found.pss if found else resident[pid] for pid, found in shares.items())
    return together if is_forked else max(together, *resident.values())


def shares_of(pid: int) -> Shares | None:
    """Ask the OS for the memory of a process; None if it does not tell."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:
        return None
    return parse_shares(rollup)


def parse_shares(rollup: bytes) -> Shares | None:
    """Parse the text of /proc/PID/smaps_rollup, see proc(5); None if it has no Pss."""
    figures = {name: int(size) * 1024 for name, size in _FIGURE.findall(rollup)}
    pss = figures.pop(b"Pss", None)
    return None if pss is None else Shares(pss, sum(figures.values()))
