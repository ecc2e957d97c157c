"""Stand-ins for ssh: a pipe to an agent in this process, and a script that plays one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kerneltui.fleet.engines.ssh.engine import SshEngine
from tests.fleet.engines.ssh.piped_box import PipedBox, put_on_path
from tests.tui.fakes import FakeFleet, snapshot


@pytest.fixture
def fleet() -> FakeFleet:
    """The engine of the box, with one kernel."""
    return FakeFleet(snapshot("k1"))


@pytest.fixture
def box(short_path: Path, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipedBox]:
    with closing(PipedBox(short_path, fleet, monkeypatch)) as box:
        yield box


@pytest.fixture
def engine(box: PipedBox) -> Iterator[SshEngine]:
    """An engine that is connected to the box."""
    with closing(SshEngine("gpu", "box")) as engine:
        engine.open()
        box.wait_until_told(engine)
        yield engine


@pytest.fixture
def scripted(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., SshEngine]]:
    """Returns a function that opens an engine whose ssh is a shell script."""
    opened: list[SshEngine] = []

    def engine(script: str) -> SshEngine:
        put_on_path(short_path, f"#!/bin/sh\n{script}\n", monkeypatch)
        opened.append(SshEngine("gpu", "box"))
        opened[0].open()
        return opened[0]

    yield engine
    for each in opened:
        each.close()
