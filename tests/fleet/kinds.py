"""Makes a kernel of each kind, in a fleet."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.control import controllers
from kerneltui.fleet.discovery import scanner as discovery_module
from kerneltui.fleet.discovery.processes import Processes
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.kernels.connection.connection_file import write_connection_file
from kerneltui.kernels.connection.listeners import listeners
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import ROOT, SPECS, WITHIN, dismiss_all, install_and_make_haste
from tests.fleet.stage import shown
from tests.support import eventually

TINY = SPECS["tiny"]["argv"][:-1]
LONG_AGO = time.time() - 3600
SLEEP = "import time; print('ready', flush=True); time.sleep(1000)"
SLEEPS = (sys.executable, "-c", SLEEP)  # a SIGINT ends it
FORKS = """
import os, signal, sys
from tests.kernel_process import kernel_at, serve
def leave():
    if os.fork() == 0:
        signal.signal(signal.SIGINT, lambda *_: os._exit(0))
        os.write(1, b"ready")
        signal.pause()
    os._exit(0)
serve(kernel_at(sys.argv[1]), leave)
"""
COMMANDS = {
    Kind.PRIVATE_PORTS: SLEEPS,
    Kind.UNPROVEN: ("tail", "-f"),
    Kind.LEFTOVER: (sys.executable, "-c", FORKS),
}
SILENT_KINDS = (Kind.PRIVATE_PORTS, Kind.UNPROVEN, Kind.LEFTOVER, Kind.STALE_FILE, Kind.OTHER_HOST)
KINDS = [kind for kind in Kind if kind not in (Kind.SERVER, Kind.REMOTE_SERVER)]
"""All but those of servers: they are tested with real servers."""


def make_places(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make kernelspecs and a runtime folder below `folder`, and shorten the waits."""
    install_and_make_haste(folder, patch)
    (folder / "kernels" / "sleeps").mkdir()
    spec = {"argv": [*SLEEPS, "{connection_file}"], "display_name": "Sleeps", "language": "none"}
    (folder / "kernels" / "sleeps" / "kernel.json").write_text(json.dumps(spec))
    (folder / "run").mkdir()
    patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "run"))
    patch.setattr(controllers, "ANSWER_TIME", WITHIN)
    patch.setattr(discovery_module, "FIRST_RETRY", 0.01)
    patch.setattr(discovery_module, "LAST_RETRY", 0.05)


class Subject:
    """One kernel of a kind, in a fleet."""

    def __init__(self, fleet: Fleet, process: subprocess.Popen[bytes] | None) -> None:
        self.fleet = fleet
        self.process = process

    @property
    def now(self) -> KernelSnapshot | None:
        return next(iter(self.fleet.snapshots), None)

    @property
    def target(self) -> Target:
        assert self.now is not None
        return self.now.target

    def said(self, words: str) -> bool:
        assert self.now is not None
        transcript = self.fleet.transcript(self.now.kernel_id)
        return transcript is not None and words in [text for _, text in shown(transcript.view())]


def _leave_behind() -> None:
    """Start a kernel and close its dashboard."""
    with_kernel = Fleet()
    with_kernel.open()
    with_kernel.start("tiny", cwd="/")
    eventually(lambda: with_kernel.snapshots[0].state is KernelState.IDLE, WITHIN)
    with_kernel.close()


def _write_file(kind: Kind, folder: Path) -> Path:
    """Write the connection file of a kernel that our fleet does not start."""
    file = folder / (
        "registration_x.json" if kind is Kind.PRIVATE_PORTS else "run/kernel-0a9b.json"
    )
    write_connection_file(str(file), kernel_name="tiny")
    if kind is Kind.PRIVATE_PORTS:
        file.write_text('{"registration_port": 4121}')
    if kind is Kind.OTHER_HOST:
        file.write_text(file.read_text().replace("127.0.0.1", "198.51.100.7"))
    if kind is not Kind.UNPROVEN:
        os.utime(file, (LONG_AGO, LONG_AGO))
    return file


@contextlib.contextmanager
def _running(kind: Kind, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [*COMMANDS.get(kind, TINY), str(file)]
    with subprocess.Popen(
        argv, start_new_session=True, cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        if kind in (Kind.LEFTOVER, Kind.PRIVATE_PORTS):
            process.stdout.read(len("ready"))  # its answer to SIGINT is known from here on
        yield process
        with contextlib.suppress(ProcessLookupError):  # a test has ended it
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def kernel_of(kind: Kind, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Subject]:
    """Yield one kernel of this kind in a fleet, in its final state; it ends with the fleet."""
    process = None
    with contextlib.ExitStack() as running:
        if kind is Kind.ADOPTED:
            _leave_behind()
        elif kind is not Kind.CHILD:
            file = _write_file(kind, folder)
            if kind not in (Kind.STALE_FILE, Kind.OTHER_HOST):
                process = running.enter_context(_running(kind, file))
        if kind is Kind.NO_VISIBLE_PROCESS:
            patch.setattr(discovery_module, "listeners", lambda: dict.fromkeys(listeners()))
            patch.setattr(Processes, "look", lambda _self: {})
        fleet = Fleet()
        fleet.open()
        if kind is Kind.CHILD:
            fleet.start("tiny", cwd="/")
        subject = Subject(fleet, process)
        silent = (KernelState.UNKNOWN, KernelState.DEAD)
        states = silent if kind in SILENT_KINDS else (KernelState.IDLE,)
        eventually(
            lambda: subject.now and subject.now.kind is kind and subject.now.state in states, WITHIN
        )
        yield subject
        dismiss_all(fleet)
        fleet.close()
