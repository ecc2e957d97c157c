"""Kernels for the tests of this floor: one that answers, and one that only a test scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_kernel import FakeKernel, file_in


@pytest.fixture
def fake(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        yield fake


@pytest.fixture
def voice(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path), welcomes=False) as voice:
        yield voice
