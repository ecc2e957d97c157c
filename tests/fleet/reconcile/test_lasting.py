"""What lives stays in the table though its file or its owner goes, and comes back if it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kerneltui.fleet.discovery import scanner as discovery_module
from kerneltui.fleet.discovery.found import Found, Known
from kerneltui.fleet.discovery.scanner import FILE_GONE, Discovery
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.reconcile.autorestart import AutoRestarter
from kerneltui.fleet.reconcile.lease import Lease
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.connection.connection_file import write_connection_file
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import (
    ROOT,
    SPECS,
    WITHIN,
    Watched,
    dismiss_all,
    install_and_make_haste,
)
from tests.support import eventually, no_more_threads

TINY = SPECS["tiny"]["argv"][:-1]
VERIFIED = Liveness.VERIFIED


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_and_make_haste(tmp_path, monkeypatch)
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.setattr(discovery_module, "FIRST_RETRY", 0.01)
    return folder


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    fleet.open()
    yield fleet
    dismiss_all(fleet)
    fleet.close()


@pytest.fixture
def stranger(runtime: Path) -> Iterator[Path]:
    """The connection file of a kernel that something else has started."""
    file = runtime / "kernel-0a9b.json"
    write_connection_file(str(file), kernel_name="tiny")
    with subprocess.Popen([*TINY, str(file)], cwd=ROOT, start_new_session=True) as process:
        yield file
        process.kill()


def only(fleet: Fleet) -> KernelSnapshot | None:
    return next(iter(fleet.snapshots), None)


@pytest.mark.usefixtures("stranger")
def test_a_kernel_of_another_stays_in_the_table_when_the_folder_moves(
    fleet: Fleet, runtime: Path
) -> None:
    eventually(lambda: (now := only(fleet)) and now.state is KernelState.IDLE, WITHIN)

    runtime.rename(runtime.with_name("moved"))

    eventually(lambda: (now := only(fleet)) and FILE_GONE in now.reason, WITHIN)
    shown = only(fleet)
    assert shown is not None
    fleet.do(Verb.KILL, shown.target)
    eventually(lambda: only(fleet) is None, WITHIN)
    runtime.with_name("moved").rename(runtime)


def look(discovery: Discovery) -> tuple[Found, ...]:
    return discovery.look(Known())


def test_a_kernel_whose_file_went_before_the_first_look_is_known_by_its_command(
    stranger: Path,
) -> None:
    # It has read its file by then.
    eventually(lambda: [each.liveness for each in look(Discovery())] == [VERIFIED], WITHIN)
    stranger.unlink()
    seen = Discovery()

    eventually(lambda: look(seen), WITHIN)

    (found,) = look(seen)
    assert (found.is_file_gone, found.why) == (True, FILE_GONE)
    assert found.identity is not None


def test_a_kernel_of_ours_is_restarted_though_its_folder_has_gone(
    fleet: Fleet, runtime: Path
) -> None:
    kernel = Watched(fleet, "tiny")
    before = kernel.wait_for(KernelState.IDLE)
    runtime.rename(runtime.with_name("moved"))

    fleet.do(Verb.RESTART, before.target)

    after = kernel.wait_for(KernelState.IDLE)
    assert after.identity != before.identity
    assert Path(after.connection_file).exists()


def test_a_kernel_is_not_taken_for_dismissed_while_it_is_being_restarted(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Watched(fleet, "tiny")
    before = kernel.wait_for(KernelState.IDLE)
    launch = KernelManager._launch

    def launch_after_a_look(manager: KernelManager, arguments: Mapping[str, Any]) -> None:
        with monkeypatch.context() as patch:  # which found no manifest, and ends now
            patch.setattr(ManifestStore, "look", lambda _: ())
            fleet.look()
        launch(manager, arguments)

    monkeypatch.setattr(KernelManager, "_launch", launch_after_a_look)
    fleet.do(Verb.RESTART, before.target)

    assert kernel.wait_for(KernelState.IDLE).identity != before.identity


def test_a_kernel_whose_owner_ends_is_an_orphan(runtime: Path) -> None:
    file = runtime / "kernel-0a9b.json"
    write_connection_file(str(file), kernel_name="tiny")
    starts = "import json, subprocess; print(subprocess.Popen(json.loads(input())).pid); input()"
    owns = [sys.executable, "-u", "-c", starts]
    with subprocess.Popen(owns, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        owner.stdin.write(json.dumps([*TINY, str(file)]).encode() + b"\n")
        owner.stdin.flush()
        pid = int(owner.stdout.readline())
        seen = Discovery()
        eventually(lambda: [each for each in look(seen) if each.owner_pid == owner.pid], WITHIN)
        owner.kill()

    eventually(lambda: [each for each in look(seen) if each.owner_pid != owner.pid], WITHIN)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.usefixtures("stranger")
def test_a_row_never_lacks_what_its_state_is_told_from(fleet: Fleet) -> None:
    """A mere file becomes a kernel while others publish."""
    seen: list[Kind] = []

    def publish() -> bool:
        fleet.registry.publish()
        seen.extend(each.kind for each in fleet.snapshots)
        return Kind.EXTERNAL in seen

    eventually(publish, WITHIN)


def test_a_kernel_that_dies_before_the_next_look_is_restarted(fleet: Fleet) -> None:
    fleet._reconciler.thread.stop()
    kernel = Watched(fleet, "tiny")
    before = kernel.wait_for(KernelState.IDLE)
    assert before.pid is not None
    restarter = fleet._reconciler.autorestarter
    restarter.look()
    fleet.do(Verb.AUTORESTART, before.target)
    assert isinstance(restarter, AutoRestarter)
    assert isinstance(restarter._lease, Lease)
    restarter._lease.take()  # held already for another kernel, as it were
    os.killpg(before.pid, signal.SIGKILL)
    kernel.wait_for(KernelState.DEAD)

    restarter.look()

    eventually(lambda: kernel.now.identity != before.identity, WITHIN)
    kernel.wait_for(KernelState.IDLE)


def test_a_kernel_is_not_awaited_whose_restart_found_no_thread(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet._reconciler.thread.stop()
    kernel = Watched(fleet, "mute")
    restarter = fleet._reconciler.autorestarter
    restarter.look()
    fleet.do(Verb.AUTORESTART, kernel.now.target)
    restarter._lease.take()  # held already for another kernel, as it were
    os.killpg(kernel.now.pid or 0, signal.SIGKILL)
    kernel.wait_for(KernelState.DEAD)
    # The news of its death: it is told once the last messages of the kernel are heard.
    eventually(lambda: [each.kernel_id for each in fleet.take_notices()] == [kernel.kernel_id])

    with monkeypatch.context() as refusing:
        no_more_threads(refusing)
        restarter.look()

    fleet.registry.publish()
    assert kernel.now.state is KernelState.DEAD
    (notice,) = fleet.take_notices()
    assert "was not restarted: cannot start a thread" in notice.text


def test_a_locked_fleet_leaves_restarts_to_another_dashboard(fleet: Fleet) -> None:
    fleet._reconciler.thread.stop()
    kernel = Watched(fleet, "tiny")
    before = kernel.wait_for(KernelState.IDLE)
    restarter = fleet._reconciler.autorestarter
    fleet.do(Verb.AUTORESTART, before.target)
    restarter.look()
    eventually(lambda: restarter._lease.held)
    fleet.locked = True

    os.killpg(before.pid or 0, signal.SIGKILL)
    kernel.wait_for(KernelState.DEAD)
    restarter.look()

    assert not restarter._lease.held
    assert kernel.now.state is KernelState.DEAD


def test_that_nobody_restarts_is_told_once_while_it_is_so(
    fleet: Fleet, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet._reconciler.thread.stop()
    told: list[str] = []
    restarter = AutoRestarter(
        runtime / "gone", fleet.registry, fleet._tracker.orders, told.append, lambda: False
    )
    manifest = Manifest("k", "train", "tiny", "k.json", "/", (), 0.0, autorestart=True)
    fleet.registry.admit(TrackedKernel("k", "train", "/", manifest=manifest))

    for _ in range(2):
        restarter.look()
    monkeypatch.setattr(restarter, "_lease", Lease(runtime))
    restarter.look()
    monkeypatch.setattr(restarter, "_lease", Lease(runtime / "gone"))
    restarter.look()

    assert told == ["kernels that die are not restarted: No such file or directory"] * 2
    restarter.close()
