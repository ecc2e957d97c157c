"""FolderFiles: the matching files of a folder, listed again when the folder changes.

A folder's mtime changes when a name is added or removed. But the clock of its file system moves
in steps: after two changes within one step the mtime is the same. So a list is used again only
if the mtime has stayed the same for longer than one step.
"""

from __future__ import annotations

import os
import re
import time
from fnmatch import translate
from pathlib import Path

from kerneltui.frozen import frozen

COARSEST = 2.0  # seconds between two steps of a file system's clock, at the most
LONGEST = 10.0  # seconds that an unchanged mtime is believed: some network folders do not update it

_Version = tuple[Path, int, int, int]


@frozen
class _Listed:
    version: _Version
    since: float
    """When the folder was first seen with that mtime; an instant of `time.monotonic()`."""
    at: float
    files: tuple[Path, ...]

    def holds(self, now: float) -> bool:
        return self.at - self.since >= COARSEST and now - self.at < LONGEST


class FolderFiles:
    """Lists files; for one thread, and one folder at a time."""

    def __init__(self, *patterns: str) -> None:
        self._matches = re.compile("|".join(map(translate, patterns))).match
        self._listed: _Listed | None = None

    def look(self, folder: Path) -> tuple[Path, ...]:
        """Return the matching files, in the order of their names; none if there is no folder.

        If the system does not give the list now, those of the last look.
        """
        now, before = time.monotonic(), self._listed
        try:
            status = folder.stat()
            version = (folder, status.st_dev, status.st_ino, status.st_mtime_ns)
            is_same = before is not None and before.version == version
            if before is not None and is_same and before.holds(now):
                return before.files
            since = before.since if before is not None and is_same else now
            names = sorted(filter(self._matches, os.listdir(folder)))  # noqa: PTH208 - each second
        except (FileNotFoundError, NotADirectoryError):
            self._listed = None
            return ()
        except OSError:
            return before.files if before is not None and before.version[0] == folder else ()
        self._listed = _Listed(version, since, now, tuple(folder / name for name in names))
        return self._listed.files
