"""Kernels of real tools, found as they are: consoles, encrypted, stopped, orphaned."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kerneltui.fleet.control import controllers
from kerneltui.fleet.diagnosis import condition
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import install_and_make_haste
from tests.support import eventually

pytestmark = pytest.mark.slow
PATIENCE = 60.0  # seconds for a kernel to start


@pytest.fixture(autouse=True)
def runtime(short_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_and_make_haste(tmp_path, monkeypatch)
    monkeypatch.setattr(condition, "SILENCE", 0.1)
    folder = short_path / "run"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    fleet.open()
    yield fleet
    fleet.close()


def only(fleet: Fleet) -> KernelSnapshot:
    (found,) = fleet.snapshots
    return found


def is_verified(fleet: Fleet) -> bool:
    return [each.liveness for each in fleet.snapshots] == [Liveness.VERIFIED]


def test_a_console_owns_its_kernel_which_is_verified(fleet: Fleet) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "jupyter_console", "--simple-prompt"]
    console = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    )
    os.close(follower)
    try:
        eventually(lambda: is_verified(fleet), PATIENCE)
        eventually(lambda: only(fleet).state is KernelState.IDLE, PATIENCE)
        found = only(fleet)
    finally:
        console.terminate()
        console.wait()
        os.close(leader)
    eventually(lambda: not any(each.identity for each in fleet.snapshots) or ended(fleet), PATIENCE)

    assert (found.origin, found.owner_pid) == (Origin.CONSOLE, console.pid)


def ended(fleet: Fleet) -> bool:
    return only(fleet).state is KernelState.DEAD


def library_kernel(**arguments: Any) -> KernelManager:
    """Return a running kernel that the library has started, and so no dashboard of ours."""
    manager = KernelManager(kernel_name="python3", **arguments)
    manager.start_kernel()
    return manager


def test_a_kernel_with_curve_keys_is_verified(fleet: Fleet) -> None:
    manager = library_kernel(transport="tcp", transport_encryption="required")
    try:
        assert manager.curve_publickey
        eventually(lambda: is_verified(fleet), PATIENCE)
        eventually(lambda: only(fleet).state is KernelState.IDLE, PATIENCE)
    finally:
        manager.shutdown_kernel(now=True)


def test_a_kernel_over_ipc_is_verified_by_the_owner_of_its_sockets(fleet: Fleet) -> None:
    manager = library_kernel(transport="ipc")
    try:
        eventually(lambda: is_verified(fleet), PATIENCE)
        process = manager.process
        assert process is not None
        eventually(lambda: only(fleet).identity == process.identity, PATIENCE)
    finally:
        manager.shutdown_kernel(now=True)


def test_a_stopped_kernel_does_not_answer_and_is_not_called_stale() -> None:
    manager = library_kernel()
    try:
        assert manager.process is not None
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        client.stop_channels()
        os.kill(manager.process.identity.pid, signal.SIGSTOP)
        fleet = Fleet()
        fleet.open()
        eventually(
            lambda: [each.liveness for each in fleet.snapshots] == [Liveness.SILENT], PATIENCE
        )
        os.kill(manager.process.identity.pid, signal.SIGCONT)
        eventually(lambda: is_verified(fleet), PATIENCE)
        fleet.close()
    finally:
        manager.shutdown_kernel(now=True)


def test_an_orphan_is_called_one_and_can_be_ended(
    fleet: Fleet, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controllers, "END_TIME", PATIENCE)
    leave = 'exec >/dev/null 2>&1; "$0" -m ipykernel_launcher &'
    subprocess.run(["sh", "-c", leave, sys.executable], check=True, start_new_session=True)

    eventually(lambda: is_verified(fleet), PATIENCE)
    eventually(lambda: only(fleet).state is KernelState.IDLE, PATIENCE)
    found = only(fleet)
    fleet.do(Verb.SHUTDOWN, found.target)

    assert (found.origin, found.owner_pid) == (Origin.ORPHAN, None)
    eventually(lambda: not fleet.snapshots, PATIENCE)
    assert not list(runtime.glob("kernel-*.json"))
