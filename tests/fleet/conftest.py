"""Kernels for the tests of this floor: one that answers, and one that only a test scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.keeper import client
from kerneltui.kernels.processes import adopted
from tests.fake_kernel import FakeKernel, file_in
from tests.support import PATIENCE


@pytest.fixture
def known_exit_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks how a process has ended waits for its parent, however slow that is."""
    monkeypatch.setattr(adopted, "REAPING", PATIENCE)
    for name in ("PATIENCE", "END_PATIENCE"):
        monkeypatch.setattr(client, name, PATIENCE)


@pytest.fixture
def fake(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        yield fake


@pytest.fixture
def voice(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path), welcomes=False) as voice:
        yield voice
