"""Files that hold what a kernel said: only their owner reads them, and none is overwritten."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600. Raises FileExistsError rather than overwrite one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """Return a path in `folder` where nothing is yet: "stem.txt", "stem-2.txt", ..."""
    path, number = folder / f"{stem}{suffix}", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path
