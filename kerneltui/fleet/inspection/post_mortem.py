"""What can be found out of a kernel of ours that has ended, whoever asks, and however late."""

from __future__ import annotations

from collections.abc import Sequence

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.crash import find_crash, without_dumps
from kerneltui.fleet.diagnosis.death import Death, conclude
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.recording.recording import ended_at, recording_path
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.processes.lifecycle import without_greeting
from kerneltui.kernels.processes.log_file import LogFile

CRASH_LINES = 100  # read of a log: what faulthandler writes of a deep stack
LAST_LINES = 10  # kept of them


def post_mortem(manifest: Manifest) -> Death:
    """Return why a kernel has ended whose end nobody has seen.

    The recorder knows when that was; of a crash the log tells it.
    """
    log = _log_of(manifest)
    lines = last_words(log, manifest.started_at)
    crash = find_crash(lines, lambda _file: None)
    at = ended_at(recording_path(manifest.connection_file, manifest.kernel_id))
    if at is None and crash is not None:
        at = log.written_at
    return conclude(None, crash, at=at, sent=manifest.sent, last_lines=last_lines(lines))


def last_words(log: LogFile, since: float) -> tuple[str, ...]:
    """Return the end of a log; () where it was written last before `since`, by another process."""
    return log.tail(CRASH_LINES) if log.is_written_since(since) else ()


def last_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return what of the end of a log is worth showing."""
    return without_greeting(without_dumps(lines))[-LAST_LINES:]


def _log_of(manifest: Manifest) -> LogFile:
    try:
        key = read_connection_file(manifest.connection_file).key
    except KernelError:  # it is gone
        key = b""
    return LogFile.beside(manifest.connection_file, manifest.kernel_id, key)
