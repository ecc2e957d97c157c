"""Kernels for the tests of this floor: a voice, and a thread that answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_kernel import FakeKernel, file_in
from tests.fleet.stage import Voice


@pytest.fixture
def fake(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        yield fake


@pytest.fixture
def voice(short_path: Path) -> Iterator[Voice]:
    with Voice(short_path) as voice:
        yield voice
