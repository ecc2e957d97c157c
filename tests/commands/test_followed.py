"""A kernel that is followed goes on while a restart may follow its death."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kerneltui.commands.following import RESTART_TIME, Followed
from kerneltui.commands.listing import list_all
from kerneltui.fleet.manifests.lock import ManifestLock
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.reconcile.lease import Lease
from kerneltui.kernels.processes.identity import ProcessIdentity, boot_id
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder
from tests.fleet.written_manifests import write_manifest


def ended(start_ticks: int) -> ProcessIdentity:
    """Return a process that has ended; its pid belongs to another now."""
    return ProcessIdentity(1, start_ticks, boot_id())


class Dead:
    """A kernel that has died, as a command sees it that follows it; time passes as told."""

    def __init__(self, folder: Path) -> None:
        file = str(folder / "kernel-k.json")
        self.manifest = Manifest(
            "k", "train", "tiny", file, "/", (), 1.0, identity=ended(77), autorestart=True
        )
        write_manifest(self.manifest)
        self.now = 0.0
        (listed,) = list_all()
        self.followed = Followed(listed, lambda: self.now)
        self.followed.goes_on()

    def goes_on(self, **changes: Any) -> bool:
        write_manifest(replace(self.manifest, **changes))
        return self.followed.goes_on()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    make_private_folder(own_folder(tmp_path))
    return tmp_path


@pytest.fixture
def dead(runtime: Path) -> Dead:
    return Dead(runtime)


@pytest.fixture
def dashboard(runtime: Path) -> Iterator[Lease]:
    """Have a dashboard that restarts kernels."""
    lease = Lease(runtime)
    lease.take()
    yield lease
    lease.release()


@pytest.mark.usefixtures("dashboard")
def test_a_kernel_goes_on_during_the_longest_pause_before_its_restart(dead: Dead) -> None:
    dead.now = RESTART_TIME

    assert dead.goes_on()


@pytest.mark.usefixtures("dashboard")
def test_a_kernel_that_is_not_restarted_in_that_time_has_ended(dead: Dead) -> None:
    dead.now = RESTART_TIME + 0.1

    assert not dead.goes_on()


@pytest.mark.usefixtures("dashboard")
def test_the_death_of_its_next_process_begins_another_pause(dead: Dead) -> None:
    dead.now = RESTART_TIME + 0.1

    assert dead.goes_on(identity=ended(78))


@pytest.mark.usefixtures("dashboard")
def test_the_end_of_an_order_begins_another_pause(dead: Dead) -> None:
    dead.now = RESTART_TIME + 0.1
    lock = ManifestLock.take(dead.manifest.path)
    dead.followed.goes_on()
    lock.release()

    assert dead.goes_on()


@pytest.mark.usefixtures("dashboard")
@pytest.mark.parametrize("order", ["stopping", "killing"])
def test_a_kernel_whose_end_was_ordered_has_ended(dead: Dead, order: str) -> None:
    assert not dead.goes_on(order=order)


@pytest.mark.usefixtures("dashboard")
def test_a_kernel_that_is_not_to_be_restarted_has_ended(dead: Dead) -> None:
    assert not dead.goes_on(autorestart=False)


def test_a_kernel_that_no_dashboard_restarts_has_ended(dead: Dead, dashboard: Lease) -> None:
    assert dead.goes_on()

    dashboard.release()

    assert not dead.goes_on()
