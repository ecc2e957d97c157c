"""Recording: the iopub messages of one kernel in a file, for dashboards that open later.

It has two generations of bounded size, `<id>.iopub` and the older `.iopub.old`. Frames are kept as
they were received: their signatures are not verified.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kerneltui.errors import KernelError
from kerneltui.file_lock import is_at
from kerneltui.fleet.keeper.recording.format import (
    DAMAGED,
    ENDED_SIZE,
    GENERATION,
    Gap,
    ProcessStarted,
    Record,
    RecordKind,
    decode_record,
    decode_records,
    located_records,
)
from kerneltui.fleet.manifests.manifest import (
    EARLIER_PREFIX,
    is_earlier,
    manifest_path,
    read_manifest,
)
from kerneltui.paths import own_folder
from kerneltui.private_file import open_private

__all__ = [
    "Gap",
    "ProcessStarted",
    "expire",
    "read_recording",
    "recording_path",
    "remove_recording",
]

SUFFIX = ".iopub"
OLDER = ".old"
KEPT = 7 * 24 * 3600.0  # seconds that the recording of a kernel outlives it
END = 256_000  # bytes that hold the latest requests, unless those have much output
_LAST_RECORDS = 10_000  # bytes at the end of a recording that tell how it ends
_FIRST_RECORD = 1000  # bytes that hold the first record of a generation, which is not a message
_ROTATIONS = 10  # renamings of files that may happen while a reader opens two


def recording_path(connection_file: str, kernel_id: str) -> Path:
    """Return where a kernel is recorded; for an earlier kerneltui's kernel, its old place."""
    new, earlier = _places(Path(connection_file).parent, kernel_id)
    return earlier if is_earlier(connection_file, kernel_id) else new


def _places(folder: Path, kernel_id: str) -> tuple[Path, Path]:
    name = f"{kernel_id}{SUFFIX}"
    return own_folder(folder) / name, folder / f"{EARLIER_PREFIX}{name}"


def older_path(path: Path) -> Path:
    """Return where the generation before the present one lies."""
    return path.with_name(path.name + OLDER)


def read_recording(path: Path) -> Iterator[Record]:
    """Yield what was recorded, in order; nothing if nothing was. Raises OSError.

    It may be written meanwhile. A last record that was not written to its end is left out,
    and damage before that is a gap.
    """
    return RecordingReader(path).read()


class RecordingReader:
    """Reads a recording from its beginning, and later what was added."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._positions: dict[tuple[int, int], int] = {}
        """Up to where each file is read, by device and inode: a renamed file keeps these."""
        self._heard: ProcessStarted | None = None

    def read(self) -> Iterator[Record]:
        """Yield what was not read yet, as `read_recording` does. Raises OSError."""
        with contextlib.ExitStack() as files:
            for number, file in enumerate(_open_generations(self._path, files)):
                identity, size = _identity(file), file.seek(0, os.SEEK_END)
                start = self._positions.get(identity, 0)
                start = file.seek(
                    start if start <= size else 0
                )  # else a removed file had its inode
                for record, end in located_records(file.read(GENERATION)):
                    self._positions[identity] = start + end
                    if self._is_news(record, is_oldest=number == 0):
                        yield record

    def _is_news(self, record: Record, *, is_oldest: bool) -> bool:
        """Tell whether a record tells something that those before it have not told.

        A process is named again in each generation, and after each gap.
        """
        is_known = record.kind is RecordKind.BEGAN and record.value == self._heard
        is_no_gap = record.kind is RecordKind.EARLIER and not is_oldest
        if isinstance(record.value, ProcessStarted):
            self._heard = record.value
        return not (is_known or is_no_gap or record.kind is RecordKind.ENDED)


def read_end(path: Path) -> Iterator[Record]:
    """Yield the last records of the present generation. Raises OSError."""
    with _open(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - END))
        data = file.read(END)
    return decode_records(data)


def remove_recording(connection_file: str, kernel_id: str) -> None:
    for path in _places(Path(connection_file).parent, kernel_id):
        _remove(path)  # its manifest, which tells where it lies, may be gone already


def expire(folder: Path, now: float) -> None:
    """Remove the recordings of kernels that have been dead or dismissed for longer than KEPT."""
    newest: dict[Path, float] = {}
    for file in _all_files(folder):
        path = file.with_name(file.name.removesuffix(OLDER))
        with contextlib.suppress(FileNotFoundError):
            newest[path] = max(newest.get(path, 0.0), file.lstat().st_mtime)
    for path, written_at in newest.items():
        if now - written_at > KEPT and not _may_live(folder, path):
            _remove(path)


def _all_files(folder: Path) -> Iterator[Path]:
    for name in (f"*{SUFFIX}", f"*{SUFFIX}{OLDER}"):
        yield from own_folder(folder).glob(name)
        yield from folder.glob(f"{EARLIER_PREFIX}{name}")


def _may_live(folder: Path, path: Path) -> bool:
    kernel_id = path.name.removesuffix(SUFFIX)
    if path.parent == folder:
        kernel_id = kernel_id.removeprefix(EARLIER_PREFIX)
    manifest = manifest_path(str(folder / f"kernel-{kernel_id}.json"), kernel_id)
    try:
        identity = read_manifest(manifest).identity
    except KernelError:
        return manifest.exists()
    return identity is not None and identity.is_alive()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    older_path(path).unlink(missing_ok=True)


# -- what the writer asks of earlier recordings ----


def begun_at(path: Path, default: float) -> float:
    """Return since when a generation, and those dropped before it, were recorded."""
    try:
        with _open(path) as file:
            found = decode_record(file.read(_FIRST_RECORD))
    except OSError:
        return default
    if found is None:
        return default
    first, _ = found
    if first.kind is RecordKind.EARLIER and isinstance(first.value, Gap):
        return first.value.since
    return first.at


def unheard_since(path: Path) -> float | None:
    """Return since when recording is missing; None if all is recorded to the end, or nothing."""
    try:
        with _open(path) as file:
            status = os.fstat(file.fileno())
            file.seek(max(0, status.st_size - ENDED_SIZE))
            found = decode_record(file.read(ENDED_SIZE))
    except OSError:
        return None
    return None if found and found[0].kind is RecordKind.ENDED else status.st_mtime


def ended_at(path: Path) -> float | None:
    """Return when the process that was recorded last has ended; None if that is not known."""
    try:
        with _open(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LAST_RECORDS))
            latest = list(decode_records(file.read(_LAST_RECORDS)))[-2:]
    except OSError:
        return None
    if not latest or latest[-1].kind is not RecordKind.ENDED:
        return None
    before = latest[0].value
    is_guess = isinstance(before, Gap) and before.why != DAMAGED and before.until == latest[-1].at
    return None if is_guess else latest[-1].at


class Growth:
    """Reads what a recording grows by, from now on."""

    def __init__(self, path: Path, overlap: int) -> None:
        """`overlap`: bytes that are returned once more, for a text that begins in them."""
        self._path = path
        self._overlap = overlap
        self._positions: dict[tuple[int, int], int] = {}
        """Up to where each file is known, by device and inode: a renamed file keeps these."""
        # A file that cannot be opened now is returned whole once it can be.
        with contextlib.suppress(OSError), contextlib.ExitStack() as files:
            for file in _open_generations(path, files):
                self._positions[_identity(file)] = file.seek(0, os.SEEK_END)
        self._at_first = dict(self._positions)

    def rewind(self) -> None:
        """Have `read` return all growth once more."""
        self._positions = dict(self._at_first)

    def read(self) -> list[bytes]:
        """Return what each generation has grown by. Raises OSError."""
        with contextlib.ExitStack() as files:
            return [self._read(file) for file in _open_generations(self._path, files)]

    def _read(self, file: BinaryIO) -> bytes:
        known = self._positions.get(_identity(file), 0)
        is_another = known > file.seek(0, os.SEEK_END)  # with a removed file's inode
        start = file.seek(0 if is_another else max(0, known - self._overlap))
        data = file.read(GENERATION)
        self._positions[_identity(file)] = start + len(data)
        return data


# -- files ----


def _open_generations(path: Path, files: contextlib.ExitStack) -> list[BinaryIO]:
    """Open the generations that exist, the older first, as they are at one instant."""
    for _ in range(_ROTATIONS):
        opened = [_open_if_there(each, files) for each in (path, older_path(path))]
        # At any time the present one may be renamed to the older one, and another made.
        if opened[0] is None or is_at(opened[0].fileno(), path):
            break
        files.close()
    return [file for file in reversed(opened) if file is not None]


def _open_if_there(path: Path, files: contextlib.ExitStack) -> BinaryIO | None:
    try:
        return files.enter_context(_open(path))
    except FileNotFoundError:
        return None


def _open(path: Path) -> BinaryIO:
    return os.fdopen(open_private(path), "rb")


def _identity(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino
