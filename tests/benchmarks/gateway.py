"""Measures execution through a Jupyter server: by us, by its own client, and without it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.gateway.managers import GatewayKernelClient

from kerneltui import BlockingKernelClient, GatewayKernelManager
from kerneltui.protocol.message import parent_id
from tests.benchmarks.harness import Row, medians, ratio_row, seconds
from tests.benchmarks.messages import wait_for_idle
from tests.remote_servers import jupyter_server

ROUNDS = 300
FLOOD_ROUNDS = 5
FLOOD = 2_000  # display updates; each is a message
FLOOD_CODE = f"""\
from IPython.display import display
handle = display(0, display_id=True)
for number in range({FLOOD}):
    handle.update(number)
"""
UNLIMITED = (
    *("--ZMQChannelsWebsocketConnection.iopub_msg_rate_limit=1e9",),
    *("--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=1e12",),
)
READY = 60.0  # seconds


def rows() -> Iterator[Row]:
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        # Open to all: the server's own client logs in nowhere.
        server = opened.enter_context(jupyter_server(folder, *UNLIMITED, token=""))
        # A kernel for each: what one client runs would keep the others busy.
        managers = [opened.enter_context(GatewayKernelManager(server.url)) for _ in range(3)]
        for manager in managers:
            manager.start_kernel()
        for_us, for_peer, for_local = managers
        local = BlockingKernelClient()
        local.load_connection_file(str(folder / "run" / f"kernel-{for_local.kernel_id}.json"))
        opened.enter_context(_ready(local))
        ours = opened.enter_context(_ready(for_us.client()))
        peer = opened.enter_context(PeerClient(server.url, for_peer.kernel_id))
        yield from execute_rows(ours, peer, local)
        yield flood_row(ours, peer)


@contextlib.contextmanager
def _ready(client: BlockingKernelClient) -> Iterator[BlockingKernelClient]:
    client.start_channels()
    client.wait_for_ready(timeout=READY)
    yield client
    client.stop_channels()


class PeerClient:
    """The client by which one Jupyter server uses another one's kernels."""

    def __init__(self, url: str, kernel_id: str) -> None:
        GatewayClient.instance(url=url.removesuffix("/"))
        self._client = GatewayKernelClient(kernel_id)  # type: ignore[no-untyped-call]
        self._runner = asyncio.Runner()

    def __enter__(self) -> PeerClient:
        self._runner.run(self._client.start_channels())  # type: ignore[no-untyped-call]
        self.execute("pass")
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.stop_channels()  # type: ignore[no-untyped-call]
        self._runner.close()
        GatewayClient.clear_instance()

    def execute(self, code: str) -> None:
        """Run code, and return once its reply and its idle are there."""
        self._runner.run(self._execute(code))

    async def _execute(self, code: str) -> None:
        msg_id = self._client.execute(code)
        reply = await self._client.get_shell_msg(timeout=READY)
        assert reply["parent_header"]["msg_id"] == msg_id
        while True:
            message = await self._client.get_iopub_msg(timeout=READY)
            idle = message["content"].get("execution_state") == "idle"
            if idle and message["parent_header"].get("msg_id") == msg_id:
                return


def execute_rows(
    ours: BlockingKernelClient, peer: PeerClient, local: BlockingKernelClient
) -> Iterator[Row]:
    """Compare the time from a request to its reply and its idle."""
    ways = {
        "ours": lambda: seconds(lambda: execute(ours, "pass")),
        "peer": lambda: seconds(lambda: peer.execute("pass")),
        "local": lambda: seconds(lambda: execute(local, "pass")),
    }
    took = medians(ways, ROUNDS)
    what = "execute through a server"
    yield ratio_row(what, took["ours"], took["peer"], "jupyter_server", at_most=1.1)
    yield ratio_row(f"{what}, against without", took["ours"], took["local"], "local")


def flood_row(ours: BlockingKernelClient, peer: PeerClient) -> Row:
    ways = {
        "ours": lambda: seconds(lambda: execute(ours, FLOOD_CODE)),
        "peer": lambda: seconds(lambda: peer.execute(FLOOD_CODE)),
    }
    took = medians(ways, FLOOD_ROUNDS)
    rates = {name: FLOOD / each for name, each in took.items()}
    return ratio_row(
        "flood through a server, messages a second",
        rates["ours"],
        rates["peer"],
        "jupyter_server",
        at_least=0.9,
        show=lambda rate: f"{rate:.0f}",
    )


def execute(client: BlockingKernelClient, code: str) -> None:
    """Run code, and return once its reply and its idle are there."""
    reply = client.execute(code, reply=True, timeout=READY)
    wait_for_idle(client, parent_id(reply))
