"""ConnectionFiles: finds this user's connection files, and reads each again if it changes."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kerneltui.errors import KernelError
from kerneltui.folder_files import FolderFiles
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.connection_file import MAX_SIZE
from kerneltui.kernels.connection.folders import connection_folders
from kerneltui.private_file import read_private
from kerneltui.protocol.connection import Channel, ConnectionInfo, parse_connection_file


@frozen
class ConnectionFile:
    """A file that says where a kernel listens, or a registration file, which does not."""

    path: Path
    """Resolved."""
    info: ConnectionInfo | None
    """None if the kernel tells its ports to another program only, as Positron's kernels do."""
    written_at: float
    """Seconds since the epoch."""


class ConnectionFiles:
    """For repeated looks: a file is read again only if it has changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], ConnectionFile | None]] = {}
        """By path: the version that was read and its content; None if not a connection file."""
        self._folders: dict[Path, FolderFiles] = {}
        self._temporary = FolderFiles("connection_*.json", "registration_*.json")

    def look(self, named: Iterable[Path] = ()) -> Mapping[Path, ConnectionFile]:
        """Return the files in the usual places and those of `named`, by path, in their order."""
        before, self._known = self._known, {}
        for path in (*self._usual_files(), *named):
            try:
                found = path.lstat()
            except OSError:
                continue
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
                continue
            version = (found.st_ino, found.st_ctime_ns)
            known = before.get(path)
            if known is None or known[0] != version:
                try:
                    known = (version, _read(path, found.st_mtime))
                except OSError:  # perhaps only now: it is read again at the next look
                    if known is None or known[0][0] != found.st_ino:
                        continue
            self._known[path] = known
        return {path: file for path, (_, file) in self._known.items() if file is not None}

    def _usual_files(self) -> Iterator[Path]:
        """Yield the files that may be connection files, by folder and name."""
        for folder in connection_folders():
            if folder not in self._folders:
                self._folders[folder] = FolderFiles("*kernel-*.json")
            yield from self._folders[folder].look(folder)
        yield from self._temporary.look(Path(tempfile.gettempdir()).resolve())  # Positron's place


def _read(path: Path, written_at: float) -> ConnectionFile | None:
    """Return what a file holds; None if it is not a connection file. Raises OSError."""
    content = read_private(path, MAX_SIZE, writers=stat.S_IWGRP)  # as VS Code leaves it
    try:
        if path.name.startswith("registration_"):
            said = json.loads(content)
            is_one = isinstance(said, dict) and "registration_port" in said
            return ConnectionFile(path, None, written_at) if is_one else None
        info = parse_connection_file(content, str(path))
    except (KernelError, ValueError, RecursionError):
        return None  # or it is still being written
    is_whole = info.ports[Channel.SHELL] and info.ports[Channel.CONTROL]
    return ConnectionFile(path, info, written_at) if is_whole else None
