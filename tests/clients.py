"""Clients of a fake kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from kerneltui.kernels.client.client import BlockingKernelClient
from tests.fake_kernel import FakeKernel
from tests.support import Background


def client_of(fake: FakeKernel) -> BlockingKernelClient:
    """Return a client of the kernel, with its channels closed."""
    client = BlockingKernelClient(connection_file=fake.connection_file)
    if fake.offered is fake.info:
        client.load_connection_file()
    else:
        client.load_connection_info(fake.offered.to_dict())
    return client


@contextlib.contextmanager
def connected(fake: FakeKernel) -> Iterator[BlockingKernelClient]:
    """Yield a client of the kernel, with its channels open."""
    client = client_of(fake)
    client.start_channels()
    try:
        yield client
    finally:
        client.stop_channels()


def elsewhere(client: BlockingKernelClient, call: Callable[[], object]) -> Background:
    """Make a call in another thread, which owns the client's channels meanwhile."""
    client.stop_channels()

    def use() -> object:
        client.start_channels()
        try:
            return call()
        finally:
            client.stop_channels()

    return Background(use)
