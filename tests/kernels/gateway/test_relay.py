"""A relay offers a kernel behind a websocket as if it were here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.gateway.relay import Relay
from kerneltui.kernels.gateway.relay_state import Link
from tests.fake_kernel import FakeKernel
from tests.kernel_gateway import KernelGateway


@pytest.fixture
def gateway(fake: FakeKernel) -> Iterator[KernelGateway]:
    with KernelGateway(fake.info) as gateway:
        yield gateway


@pytest.fixture
def relay(gateway: KernelGateway) -> Iterator[Relay]:
    relay = Relay(gateway, "k-1")
    relay.start()
    yield relay
    relay.close()


def client_of(relay: Relay) -> BlockingKernelClient:
    client = BlockingKernelClient()
    client.load_connection_info(relay.info.to_dict())
    return client


def test_it_is_ready(relay: Relay) -> None:
    relay.wait_open(5)
    client = client_of(relay)
    client.start_channels()
    client.wait_for_ready(timeout=5)
    assert client.execute("1", reply=True, timeout=5)["content"]["status"] == "ok"
    assert client.is_alive()
    client.stop_channels()
    assert relay.state.link is Link.OPEN
