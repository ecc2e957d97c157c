"""Heirs: finds the process that serves a kernel of ours, if its manifest names an ended one.

A dashboard may have been killed after a launch and before its note, or the disk was full then.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from kerneltui.errors import KernelError
from kerneltui.fleet.discovery.found import STARTUP
from kerneltui.fleet.manifests.manifest import RESTARTING, Manifest
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.connection.serving import holder, serves
from kerneltui.kernels.processes.identity import ProcessIdentity, identify

RETRY = 10.0  # seconds until a process that has said nothing is asked again
CLOCK_STEP = 0.02  # seconds: the start of a process is exact to a clock tick


class Heirs:
    """Remembers which processes have not answered. Used by one thread."""

    def __init__(self) -> None:
        self._asked: dict[tuple[Path, ProcessIdentity], float] = {}

    def find(self, manifest: Manifest) -> ProcessIdentity | None:
        """Return the process that serves the kernel now, or is about to; None if there is none."""
        return self._server(manifest) or _launched(manifest)

    def _server(self, manifest: Manifest) -> ProcessIdentity | None:
        try:
            info = read_connection_file(manifest.connection_file)
        except KernelError:
            return None
        found = holder(info, manifest.identity, manifest.connection_file)
        key = (manifest.path, found) if found else None
        if key is None or time.monotonic() < self._asked.get(key, 0.0):
            return None
        self._asked[key] = time.monotonic() + RETRY
        return found if found and serves(found, info) else None


def _launched(manifest: Manifest) -> ProcessIdentity | None:
    """Return the process of a launch that was not noted, and that does not listen yet.

    It runs the command in the manifest, and is younger than the order.
    """
    is_cut_off = manifest.identity is None or manifest.order == RESTARTING
    if not is_cut_off or not manifest.argv:
        return None
    try:
        ordered_at = manifest.path.stat().st_mtime
    except OSError:
        return None
    if time.time() - ordered_at > STARTUP:
        return None
    younger = (
        each for pid in psutil.pids() if (each := identify(pid)) and _is_of(each, ordered_at)
    )
    return next((each for each in younger if _runs(each.pid, manifest.argv)), None)


def _is_of(process: ProcessIdentity, instant: float) -> bool:
    """Tell whether a process started after an instant, in seconds since the epoch."""
    while True:
        before, age = time.time(), process.age()
        if age is None:
            return False
        limit = instant - CLOCK_STEP + age
        if before >= limit:
            return True
        if time.time() < limit:
            return False
        # Otherwise this thread has stood still between two clocks: they are read again.


def _runs(pid: int, argv: tuple[str, ...]) -> bool:
    """Tell whether one of our user's processes was started with a command line.

    For a script, the OS puts the interpreter first. Another user's command line proves nothing.
    """
    try:
        process = psutil.Process(pid)
        if process.uids().real != os.getuid():
            return False
        command = tuple(process.cmdline())
    except psutil.Error:
        return False
    return len(argv) > 1 and command[-len(argv) + 1 :] == argv[1:]
