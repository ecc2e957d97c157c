"""Kernels that something else has started, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet import discovery as discovery_module
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.listeners import Listeners, listeners
from kerneltui.kernels.connection_file import write_connection_file
from tests.fleet.small_kernels import install_and_make_haste


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_and_make_haste(tmp_path, monkeypatch)
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """A fleet that looks around when it is told to."""
    fleet = Fleet()
    fleet.open()
    fleet._lookout.stop()
    yield fleet
    fleet.close()


def test_a_file_that_goes_during_a_look_leaves_no_row(
    fleet: Fleet, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = runtime / "kernel-0a9b.json"
    write_connection_file(str(file))

    def dismissed_meanwhile() -> Listeners:
        file.unlink()
        return listeners()

    monkeypatch.setattr(discovery_module, "listeners", dismissed_meanwhile)

    fleet._look_around()

    assert not file.exists()
    assert fleet.snapshots == ()
