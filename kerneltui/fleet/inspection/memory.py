"""What the processes of a kernel take of the memory: what they share counts once.

A process that was forked shares nearly all with its parent until one of them writes to it, so
that the sum of what is resident tells many times what is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PSS = re.compile(rb"^Pss: +([0-9]+) kB", re.MULTILINE)


def memory_of(resident: Mapping[int, int]) -> int:
    """Return the bytes that processes take together.

    `resident`: the resident bytes of each by its pid; of a single one that is the answer. Of
    several the system is asked for each one's share, which takes it time: it looks at all pages.
    """
    if len(resident) <= 1:
        return sum(resident.values())
    return sum(_share(pid, rss) for pid, rss in resident.items())


def _share(pid: int, rss: int) -> int:
    """Return a process's proportional share; `rss` where the system does not tell it."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:
        return rss
    found = _PSS.search(rollup)
    return int(found[1]) * 1024 if found else rss
