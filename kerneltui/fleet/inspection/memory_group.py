"""MemoryGroup: the control group that limits a process's memory, and its count of OOM kills.

Both versions of control groups are read, see cgroups(7). Without control groups nothing is known.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from kerneltui.frozen import frozen

ROOT = Path("/sys/fs/cgroup")
_OOM_KILL = re.compile(r"^oom_kill (\d{1,18})$", re.MULTILINE)


@frozen
class MemoryGroup:
    """The folders of a group and of those around it, the innermost first."""

    folders: tuple[Path, ...]
    limit_file: str
    events_file: str

    def limit(self) -> int | None:
        """Return the bytes that a process in it may have, at most the host's memory."""
        limits = [_number(folder / self.limit_file) for folder in self.folders]
        known = [each for each in (*limits, _host_memory()) if each is not None]
        return min(known, default=None)

    def oom_kills(self) -> int:
        """Return how many of its processes the OOM killer has killed."""
        for folder in self.folders[:1]:
            found = _OOM_KILL.search(_read(folder / self.events_file))
            return int(found[1]) if found else 0
        return 0


def memory_group(pid: int) -> MemoryGroup:
    """Look up the group of a living process."""
    return parse_memory_group(_read(Path(f"/proc/{pid}/cgroup")), ROOT)


def parse_memory_group(text: str, root: Path) -> MemoryGroup:
    """Return the group in a text of /proc/PID/cgroup. `root`: where the groups are mounted."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        paths.update(dict.fromkeys(controllers.split(","), path))
    if "memory" in paths:
        folders = _upwards(root / "memory", paths["memory"])
        return MemoryGroup(folders, "memory.limit_in_bytes", "memory.oom_control")
    folders = _upwards(root, paths[""]) if "" in paths else ()
    return MemoryGroup(folders, "memory.max", "memory.events")


def _upwards(root: Path, path: str) -> tuple[Path, ...]:
    """Return a group's folder and those above it; only `root` if the group is outside of it."""
    inside = PurePosixPath(path.lstrip("/"))
    if ".." in inside.parts:
        return (root,)
    return tuple(root / each for each in (inside, *inside.parents))


def _host_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # not every OS tells
        return None


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
