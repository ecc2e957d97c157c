"""Finds out why a kernel of ours has ended, also long afterwards, from its log and recording."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.cells import cell_number
from kerneltui.fleet.diagnosis.crash import find_crash, place_of, without_dumps
from kerneltui.fleet.diagnosis.death import Death, better_known, conclude
from kerneltui.fleet.keeper.recording.recording import ended_at, recording_path
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.monitoring.latest import read_latest
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.processes.lifecycle import without_greeting
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.protocol.connection import ConnectionInfo

FRESH = 5.0  # seconds after an end, in which its account may still be completed
CRASH_LINES = 100  # read from the end of a log: enough for faulthandler's dump of a deep stack
LAST_LINES = 10  # kept of them


def account_of(manifest: Manifest) -> Death:
    """Return why a kernel has ended, as its manifest tells, or else what it has left.

    An end of this moment may be noted without its last words.
    """
    noted = manifest.death
    if noted is not None and noted.at is not None and time.time() - noted.at >= FRESH:
        return noted
    return better_known(noted, post_mortem(manifest))


def post_mortem(
    manifest: Manifest, returncode: int | None = None, at: float | None = None
) -> Death:
    """Return why a kernel has ended, if no dashboard saw it end.

    The recording tells what ran; and, unless `at` does, when it ended. After a crash, the log's
    time tells when. `returncode`: the kernel's own, as in `subprocess`; None if it is not known.
    """
    info = _connection(manifest)
    log = LogFile.beside(manifest.connection_file, manifest.kernel_id, info.key if info else b"")
    lines = last_words(log, manifest.started_at)
    crash = find_crash(lines, lambda _file: None)
    path = recording_path(manifest.connection_file, manifest.kernel_id)
    heard_to = ended_at(path)
    is_heard = heard_to is not None and heard_to >= manifest.started_at
    latest = read_latest(path, info, manifest.started_at) if info is not None and is_heard else None
    told_at = heard_to if is_heard else log.written_at if crash is not None else None
    death = conclude(
        returncode,
        crash,
        at=told_at if at is None else at,
        sent=manifest.sent,
        is_at_start=latest is not None and not latest.status.heard,
        argv=manifest.argv,
        last_lines=last_lines(lines),
    )
    return death if latest is None else with_last_words(death, latest.iopub)


def with_last_words(death: Death, facts: IopubFacts) -> Death:
    """Complete what is known about an end, once all messages before it have been heard."""
    crash = death.crash
    if crash is not None and not crash.place:
        place = place_of(crash.frames, lambda file: cell_number(file, facts.cells))
        crash = replace(crash, place=place)
    return replace(death, code=death.code or facts.running, crash=crash)


def last_words(log: LogFile, since: float) -> tuple[str, ...]:
    """Return the end of a log; () if it was last written before `since`, by another process."""
    return log.tail(CRASH_LINES) if log.is_written_since(since) else ()


def last_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return those lines at the end of a log that are worth showing."""
    return without_greeting(without_dumps(lines))[-LAST_LINES:]


def _connection(manifest: Manifest) -> ConnectionInfo | None:
    try:
        return read_connection_file(manifest.connection_file)
    except KernelError:  # it is gone
        return None
