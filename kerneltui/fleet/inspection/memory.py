"""What the processes of a kernel take of the memory: what they share counts once.

A process that was forked shares nearly all with its parent until one of them writes to it, so
that the sum of what is resident tells many times what is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from kerneltui.kernels.processes.stat import read_resident

_FIGURE = re.compile(rb"^(Pss|Private_\w+): +([0-9]{1,15}) kB", re.MULTILINE)


class Shares(NamedTuple):
    """What a process takes of the memory, in bytes."""

    pss: int
    """Its own pages, and of those that it shares its part."""
    uss: int
    """Its own pages: what its end would free."""


def memory_of(pids: Collection[int]) -> int:
    """Return the bytes that processes take together.

    Of a single one that is what is resident. Of several the system is asked for each one's
    share, which takes it time: it looks at all pages.
    """
    if len(pids) <= 1:
        return sum(map(read_resident, pids))
    shares = {pid: shares_of(pid) for pid in pids}
    return sum(found.pss if found else read_resident(pid) for pid, found in shares.items())


def shares_of(pid: int) -> Shares | None:
    """Ask the system for the shares of a process; None if it does not tell."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:
        return None
    return parse_shares(rollup)


def parse_shares(rollup: bytes) -> Shares | None:
    """Return what the text of /proc/PID/smaps_rollup tells, see proc(5)."""
    figures = {name: int(size) * 1024 for name, size in _FIGURE.findall(rollup)}
    pss = figures.pop(b"Pss", None)
    return None if pss is None else Shares(pss, sum(figures.values()))
