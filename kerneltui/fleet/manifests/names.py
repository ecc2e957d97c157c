"""Names of kernels: unique in a folder, even if several processes give them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from kerneltui.errors import ActionRefused
from kerneltui.file_lock import lock_file
from kerneltui.private_file import make_private_folder
from kerneltui.protocol.text import clean_line

NAMING = 10.0  # seconds to wait for other processes that name kernels: they may stand still


def checked_name(text: str) -> str:
    """Return a name that a user has typed, without space around it. Raises ActionRefused."""
    name = text.strip()
    if not name or clean_line(name) != name:
        raise ActionRefused("a name is one line of at most 200 characters, and not empty")
    return name


def refuse_taken(name: str, taken: Collection[str]) -> None:
    """Raise ActionRefused if another kernel has that name."""
    if name in taken:
        raise ActionRefused(f"a kernel is called {name} already")


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Keep other processes from naming kernels and creating manifests in this folder."""
    with contextlib.ExitStack() as opened:
        try:
            make_private_folder(folder, parents=True)
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.callback(os.close, fd)
            lock_file(fd, time.monotonic() + NAMING)
        except OSError as error:
            raise ActionRefused(
                f"cannot name a kernel in {folder}: {error.strerror}; nothing was done"
            ) from None
        yield
