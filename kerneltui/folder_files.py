"""FolderFiles: the files of a folder that match, listed anew where the folder has changed.

A folder's time changes with each name that comes to it or leaves it, but only as often as the clock
of its file system moves on; so a list is made again until that is sure to tell of the next one.
"""

from __future__ import annotations

import os
import re
import time
from fnmatch import translate
from pathlib import Path

from kerneltui.frozen import frozen

COARSEST = 2.0  # seconds between two steps of a file system's clock, at the most
LONGEST = 10.0  # seconds for which a folder's time is relied on: not all network folders keep it

_Version = tuple[Path, int, int, int]


@frozen
class _Listed:
    version: _Version
    since: float
    """When the folder was first seen with that time; instant of `time.monotonic()`."""
    at: float
    files: tuple[Path, ...]

    def holds(self, now: float) -> bool:
        return self.at - self.since >= COARSEST and now - self.at < LONGEST


class FolderFiles:
    """Used by one thread, for one folder at a time."""

    def __init__(self, *patterns: str) -> None:
        self._matches = re.compile("|".join(map(translate, patterns))).match
        self._listed: _Listed | None = None

    def look(self, folder: Path) -> tuple[Path, ...]:
        """Return the matching files, in the order of their names; none if there is no folder."""
        now, before = time.monotonic(), self._listed
        try:
            status = folder.stat()
            version = (folder, status.st_dev, status.st_ino, status.st_mtime_ns)
            is_same = before is not None and before.version == version
            if before is not None and is_same and before.holds(now):
                return before.files
            since = before.since if before is not None and is_same else now
            names = sorted(filter(self._matches, os.listdir(folder)))  # noqa: PTH208 - each second
        except OSError:
            self._listed = None
            return ()
        self._listed = _Listed(version, since, now, tuple(folder / name for name in names))
        return self._listed.files
