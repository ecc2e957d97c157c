"""A server that has refused us stays with what it has told when the user gives a secret."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.errors import LoginRefused
from kerneltui.fleet.composition import Machines
from kerneltui.fleet.engines import addresses
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.server.engine import ServerEngine
from kerneltui.fleet.engines.settings import EngineSettings, ServerSettings
from tests.fleet.engines.server.fake_server import FakeLogin, FakeServer
from tests.tui.fakes import FakeFleet

KNOWN = EngineSettings({"gpu": ServerSettings("gpu", "http://gpu.example/")})


@pytest.fixture
def refused(engine: ServerEngine, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Machines:
    monkeypatch.setattr(
        addresses, "with_secret", lambda address, secret: replace(address, token=secret)
    )
    machines = Machines(FakeFleet(), known=KNOWN)
    machines.add(engine)
    server.faults["kernels"] = LoginRefused("the server wants another token")
    engine._poller.look()
    return machines


def test_its_rows_stay_while_it_logs_in_again(
    refused: Machines, server: FakeServer, login: FakeLogin
) -> None:
    rows = [each.kernel_id for each in refused.snapshots if each.engine]
    server.faults.clear()

    refused.connect("gpu", "another")

    assert login.tokens == ["another"]
    assert [each.state.link for each in refused.engines] == [Link.CONNECTED]
    assert [each.kernel_id for each in refused.snapshots if each.engine] == rows


def test_a_secret_that_is_refused_too_changes_nothing(refused: Machines) -> None:
    refused.connect("gpu", "wrong")

    assert [each.state.link for each in refused.engines] == [Link.REFUSED]
    assert len([each for each in refused.snapshots if each.engine]) == 2
