"""A keeper that runs, for the tests that ask it for processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.keeper import client, spawn
from kerneltui.fleet.keeper.client import KeeperClient
from tests.fleet.recorders import RunningRecorder
from tests.support import PATIENCE, eventually


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the client wait for a keeper that is slow."""
    for name in ("PATIENCE", "APPEARANCE", "END_PATIENCE"):
        monkeypatch.setattr(client, name, PATIENCE)
    monkeypatch.setattr(spawn, "LAUNCH_PATIENCE", PATIENCE)


@pytest.fixture
def keeper(short_path: Path) -> Iterator[RunningRecorder]:
    with RunningRecorder(short_path) as keeper:
        eventually(KeeperClient(short_path).is_there)
        yield keeper
