"""Kernels for the tests of this floor: one in a thread, and others that are processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection import sockets
from tests.children import Children
from tests.clients import connected
from tests.fake_kernel import FakeKernel, file_in
from tests.support import PATIENCE


@pytest.fixture
def fake(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        yield fake


@pytest.fixture
def client(fake: FakeKernel) -> Iterator[BlockingKernelClient]:
    """A client of `fake` with open channels, after `wait_for_ready`."""
    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)
        yield client


@pytest.fixture
def lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what was sent just before a close delivered, whatever time that takes."""
    monkeypatch.setattr(sockets, "CLOSE_LINGER", 1000 * int(PATIENCE))


@pytest.fixture
def children(short_path: Path) -> Iterator[Children]:
    with Children(short_path) as children:
        yield children
