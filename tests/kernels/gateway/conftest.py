"""A fake kernel behind a websocket, and a relay of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.gateway import link_keeper
from kerneltui.kernels.gateway.relay import Relay
from kerneltui.kernels.gateway.relay_state import LinkGap, RelayState
from tests.fake_kernel import FakeKernel
from tests.kernel_gateway import KernelGateway
from tests.support import PATIENCE


class WatchedRelay(Relay):
    """A relay that remembers what it has told."""

    def __init__(self, gateway: KernelGateway) -> None:
        self.states: list[RelayState] = []
        self.gaps: list[LinkGap] = []
        super().__init__(gateway, "k 1", on_change=self.states.append, on_gap=self.gaps.append)


@pytest.fixture
def gateway(fake: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> Iterator[KernelGateway]:
    monkeypatch.setattr(link_keeper, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(link_keeper, "LONGEST_DELAY", 0.1)
    with KernelGateway(fake.info) as gateway:
        yield gateway


@pytest.fixture
def relay(gateway: KernelGateway) -> Iterator[WatchedRelay]:
    """A relay that was started, and perhaps is not open yet."""
    relay = WatchedRelay(gateway)
    relay.start()
    yield relay
    relay.close()


@pytest.fixture
def client(relay: WatchedRelay) -> Iterator[BlockingKernelClient]:
    """A client of the relay, after `wait_for_ready`."""
    client = client_of(relay)
    client.hb_channel.time_to_dead = PATIENCE
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    yield client
    client.stop_channels()


def client_of(relay: Relay) -> BlockingKernelClient:
    """Return a client of the relay, with its channels closed."""
    client = BlockingKernelClient()
    client.load_connection_info(relay.info.to_dict())
    return client
