"""A server engine before a fake server, whose one kernel is behind a real websocket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kerneltui.fleet.engines.server import connections
from kerneltui.fleet.engines.server import engine as module
from kerneltui.fleet.engines.server.engine import ServerEngine
from kerneltui.kernels.gateway.server import ServerAddress
from tests.fake_kernel import FakeKernel
from tests.fleet.engines.server.fake_server import FakeLogin, FakeServer
from tests.fleet.engines.server.models import model
from tests.kernel_gateway import KernelGateway
from tests.support import PATIENCE, eventually


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(model("k-1"), model("k-2", "busy"))


@pytest.fixture
def gateway(fake: FakeKernel) -> Iterator[KernelGateway]:
    with KernelGateway(fake.info) as gateway:
        yield gateway


@pytest.fixture
def login(server: FakeServer, gateway: KernelGateway) -> FakeLogin:
    return FakeLogin(server, gateway)


@pytest.fixture
def engine(login: FakeLogin, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerEngine]:
    """An open engine that has looked once."""
    monkeypatch.setattr(connections, "HEARING", PATIENCE)
    monkeypatch.setattr(module, "ServerLogin", lambda _address, _renew: login)
    engine = ServerEngine("gpu", ServerAddress("http://gpu.example/"))
    engine.open()
    eventually(lambda: engine.kernel_specs())
    yield engine
    engine.close()
