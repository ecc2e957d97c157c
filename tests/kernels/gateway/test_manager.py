"""A kernel of a real Jupyter server, used by a script as a local one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from kerneltui import GatewayKernelManager
from kerneltui.errors import ActionRefused, KernelError, LoginRefused, ServerError
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.gateway import websocket
from kerneltui.kernels.gateway.event_loop import in_thread
from kerneltui.kernels.gateway.gateway_loop import gateway_loop
from kerneltui.kernels.gateway.models import KernelModel
from kerneltui.kernels.gateway.relay import Relay
from kerneltui.kernels.gateway.relay_state import RelayLink, RelayState
from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession
from tests.fake_kernel import FakeKernel
from tests.kernel_gateway import KernelGateway
from tests.remote_servers import TOKEN, jupyter_server, kernel_gateway
from tests.support import Background, eventually

READY = 60.0  # seconds for a kernel to start on a busy machine
# A cell that does not end at a SIGINT, which servers send before they shut a kernel down.
STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("begun", flush=True)
time.sleep(1000)
"""
PRINTS = """
import pathlib, time
print(0, flush=True)
while not pathlib.Path({is_broken!r}).exists():
    time.sleep(0.01)
for number in range(1, 20):
    print(number, flush=True)
pathlib.Path({has_printed!r}).touch()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    with jupyter_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture
def manager(server: ServerAddress) -> Iterator[GatewayKernelManager]:
    with GatewayKernelManager(server.url, token=TOKEN) as manager:
        manager.start_kernel()
        yield manager


@pytest.fixture
def client(manager: GatewayKernelManager) -> Iterator[BlockingKernelClient]:
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=READY)
    yield client
    client.stop_channels()


def test_nothing_is_asked_before_the_first_verb() -> None:
    with GatewayKernelManager("http://127.0.0.1:1/lab?token=secret") as manager:
        assert not manager.has_kernel
        assert not manager.is_alive()


def test_two_threads_start_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = GatewayKernelManager("http://127.0.0.1:1/")
    has_begun, may_end = threading.Event(), threading.Event()

    def start(_api: GatewayApi, name: str, **_options: object) -> KernelModel:
        has_begun.set()
        may_end.wait(READY)
        return KernelModel("k-1", name, "starting", 0, None, "")

    monkeypatch.setattr(GatewayApi, "start", start)
    first = Background(manager.start_kernel)
    assert has_begun.wait(READY)
    second = Background(manager.start_kernel)
    may_end.set()

    first.result()
    with pytest.raises(ActionRefused, match="it runs already"):
        second.result()
    assert manager.kernel_id == "k-1"


def test_a_client_after_a_refusal_gets_another_connection(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        KernelGateway(fake.info) as gateway,
        GatewayKernelManager("http://127.0.0.1:1/", kernel_id="k") as manager,
    ):
        monkeypatch.setattr(manager, "_session", gateway)
        gateway.refusal = 403
        refused = manager.relay
        eventually(lambda: refused.state.link is RelayLink.CLOSED)
        gateway.refusal = None

        client = manager.client()

        client.wait_for_ready(timeout=READY)
        client.stop_channels()


def test_a_request_during_a_restart_waits_for_its_end(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restart(_api: GatewayApi, _kernel_id: str, **_options: object) -> None:
        asked.append(client.execute("1"))
        for _ in range(2):  # the relay has seen the request before it answers the second one
            assert client.is_alive()
        assert "execute_request" not in fake.types()

    asked: list[str] = []
    monkeypatch.setattr(GatewayApi, "restart", restart)
    with (
        KernelGateway(fake.info) as gateway,
        GatewayKernelManager("http://127.0.0.1:1/", kernel_id="k") as manager,
    ):
        monkeypatch.setattr(manager, "_session", gateway)
        client = manager.client()
        client.hb_channel.time_to_dead = READY
        client.wait_for_ready(timeout=READY)

        manager.restart_kernel()

        assert client.get_reply(asked[0], timeout=READY)["content"]["status"] == "ok"
        client.stop_channels()


def test_no_secret_is_shown() -> None:
    manager = GatewayKernelManager("http://127.0.0.1:1/?token=secret", password="geheim")

    shown = repr(manager)

    assert shown == (
        "<GatewayKernelManager kernel not started yet of the server at http://127.0.0.1:1/>"
    )
    manager.cleanup_resources()


@pytest.mark.parametrize("verb", ["client", "interrupt_kernel", "restart_kernel"])
def test_a_kernel_that_was_not_started_is_not_used(verb: str) -> None:
    with (
        GatewayKernelManager("http://127.0.0.1:1/") as manager,
        pytest.raises(ActionRefused, match=r"kernel not started yet of the server .*: start it"),
    ):
        getattr(manager, verb)()


def test_a_kernel_that_was_not_started_is_shut_down_without_effect() -> None:
    with GatewayKernelManager("http://127.0.0.1:1/") as manager:
        manager.shutdown_kernel(now=True)


def test_what_no_server_can_do_is_refused_with_the_reason() -> None:
    with (
        GatewayKernelManager("http://127.0.0.1:1/", kernel_id="k") as manager,
        pytest.raises(ActionRefused, match="cannot send signal 9 to kernel k of the server"),
    ):
        manager.signal_kernel(9)


def test_a_server_that_is_not_there_is_an_error_of_ours() -> None:
    with (
        GatewayKernelManager("http://127.0.0.1:1/") as manager,
        pytest.raises(ServerError, match=r"127\.0\.0\.1:1"),
    ):
        manager.start_kernel()


@pytest.mark.slow
def test_code_runs_and_its_output_is_heard(client: BlockingKernelClient) -> None:
    said: list[str] = []

    reply = client.execute_interactive(
        "print(6 * 7)",
        timeout=READY,
        output_hook=lambda message: said.append(message["content"].get("text", "")),
    )

    assert reply["content"]["status"] == "ok"
    assert "".join(said) == "42\n"


@pytest.mark.slow
def test_input_is_asked_for_and_answered(client: BlockingKernelClient) -> None:
    client.execute_interactive(
        "name = input('name? ')", timeout=READY, stdin_hook=lambda _: client.input("Ada")
    )

    reply = client.execute("", user_expressions={"n": "name"}, reply=True, timeout=READY)
    assert reply["content"]["user_expressions"]["n"]["data"]["text/plain"] == "'Ada'"


@pytest.mark.slow
def test_buffers_reach_the_kernel_and_come_back(client: BlockingKernelClient) -> None:
    client.execute(
        "from comm import create_comm\ncomm = create_comm('probe', buffers=[b'\\x00abc'])",
        reply=True,
        timeout=READY,
    )

    while (message := client.get_iopub_msg(timeout=READY))["msg_type"] != "comm_open":
        pass
    assert [bytes(each) for each in message["buffers"]] == [b"\0abc"]


@pytest.mark.slow
def test_a_server_that_chooses_the_older_frames_is_understood(
    manager: GatewayKernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "V1", "one.that.no.server.knows")
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=READY)
    code = "from comm import create_comm\ncomm = create_comm('probe', buffers=[b'\\x00abc'])"

    reply = client.execute(code, reply=True, timeout=READY)

    while (message := client.get_iopub_msg(timeout=READY))["msg_type"] != "comm_open":
        pass
    assert reply["content"]["status"] == "ok"
    assert [bytes(each) for each in message["buffers"]] == [b"\0abc"]
    client.stop_channels()


@pytest.mark.slow
def test_control_and_subshells_are_answered_while_a_cell_runs(
    client: BlockingKernelClient, manager: GatewayKernelManager
) -> None:
    busy = client.execute("import time\ntime.sleep(1000)")
    while client.get_iopub_msg(timeout=READY)["msg_type"] != "execute_input":
        pass

    usage = client.usage(reply=True, timeout=READY)
    subshell = client.create_subshell(timeout=READY)
    beside = client.execute("1", subshell_id=subshell, reply=True, timeout=READY)
    manager.interrupt_kernel()

    assert usage["content"]["pid"]
    assert beside["content"]["status"] == "ok"
    assert client.get_reply(busy, timeout=READY)["content"]["ename"] == "KeyboardInterrupt"


@pytest.mark.slow
def test_a_client_goes_on_after_a_restart(
    client: BlockingKernelClient, manager: GatewayKernelManager
) -> None:
    client.execute("a = 1", reply=True, timeout=READY)

    manager.restart_kernel()

    assert client.execute("a", reply=True, timeout=READY)["content"]["ename"] == "NameError"


@pytest.mark.slow
def test_a_cell_that_runs_at_a_restart_gets_an_error(
    client: BlockingKernelClient, manager: GatewayKernelManager
) -> None:
    busy = client.execute(STUBBORN)
    assert next_output(client) == "begun\n"

    manager.restart_kernel(now=True)

    assert client.get_reply(busy, timeout=READY)["content"]["ename"] == "KernelDied"


@pytest.mark.slow
def test_a_cell_that_kills_its_kernel_gets_an_error(client: BlockingKernelClient) -> None:
    reply = client.execute("import os\nos._exit(1)", reply=True, timeout=READY)

    assert reply["content"]["ename"] == "KernelDied"
    assert client.execute("1", reply=True, timeout=READY)["content"]["status"] == "ok"


@pytest.mark.slow
def test_what_a_server_keeps_while_the_link_is_broken_is_not_missed(
    client: BlockingKernelClient,
    manager: GatewayKernelManager,
    server: ServerAddress,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    states: list[RelayState] = []
    manager.relay._on_change = states.append
    is_broken, has_printed = tmp_path / "broken", tmp_path / "printed"
    asked = client.execute(PRINTS.format(is_broken=str(is_broken), has_printed=str(has_printed)))
    said = next_output(client)

    with ServerSession(server) as session, no_connection(manager.relay, monkeypatch):
        break_link(manager.relay)
        eventually(lambda: GatewayApi(session).model(manager.kernel_id).connections == 0)
        is_broken.touch()
        eventually(has_printed.exists)
    while "19\n" not in said:
        said += next_output(client)

    assert said.split() == [str(number) for number in range(20)]
    assert client.get_reply(asked, timeout=READY)["content"]["status"] == "ok"
    assert [each.link for each in states] == [RelayLink.LOST, RelayLink.OPEN]


def next_output(client: BlockingKernelClient) -> str:
    while (message := client.get_iopub_msg(timeout=READY))["msg_type"] != "stream":
        pass
    text: str = message["content"]["text"]
    return text


@contextmanager
def no_connection(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the relay not connect again before the end of the block."""
    may_connect = threading.Event()
    assert relay._keeper is not None
    connect = relay._keeper._open

    async def connect_later() -> ClientConnection:
        await in_thread(may_connect.wait)
        return await connect()

    monkeypatch.setattr(relay._keeper, "_open", connect_later)
    try:
        yield
    finally:
        may_connect.set()


def break_link(relay: Relay) -> None:
    """Break the connection to the server, without a word."""

    async def abort() -> None:
        assert relay._keeper is not None
        broken = relay._keeper._traffic._websocket
        assert broken is not None
        broken.transport.abort()

    gateway_loop().call(abort())


@pytest.mark.slow
def test_a_kernel_lives_until_it_is_shut_down(server: ServerAddress) -> None:
    with GatewayKernelManager(server.url, token=TOKEN) as manager, ServerSession(server) as session:
        manager.start_kernel()
        kernel_id = manager.kernel_id
        lived = manager.is_alive()

        manager.shutdown_kernel()

        assert (lived, manager.is_alive(), manager.has_kernel) == (True, False, False)
        assert kernel_id not in [each.id for each in GatewayApi(session).kernels()]


@pytest.mark.slow
def test_a_kernel_that_was_started_is_shut_down_at_the_end_of_the_block(
    server: ServerAddress,
) -> None:
    with GatewayKernelManager(server.url, token=TOKEN) as manager:
        manager.start_kernel()

    with ServerSession(server) as session:
        assert GatewayApi(session).kernels() == ()


@pytest.mark.slow
def test_a_kernel_that_was_attached_to_outlives_the_block(
    manager: GatewayKernelManager, client: BlockingKernelClient, server: ServerAddress
) -> None:
    client.execute("a = 1", reply=True, timeout=READY)

    with GatewayKernelManager(server.url, token=TOKEN, kernel_id=manager.kernel_id) as second:
        other = second.client()
        other.start_channels()
        other.wait_for_ready(timeout=READY)
        reply = other.execute("a", reply=True, timeout=READY)
        other.stop_channels()

    assert reply["content"]["status"] == "ok"
    assert manager.is_alive()


@pytest.mark.slow
def test_a_kernel_that_another_client_has_shut_down_is_not_alive(
    manager: GatewayKernelManager, server: ServerAddress
) -> None:
    with ServerSession(server) as session:
        GatewayApi(session).shutdown(manager.kernel_id)

    assert not manager.is_alive()
    manager.shutdown_kernel()


@pytest.mark.slow
def test_a_wrong_token_is_refused_in_words(server: ServerAddress) -> None:
    with (
        GatewayKernelManager(server.url, token="wrong") as manager,
        pytest.raises(LoginRefused, match="does not accept the token"),
    ):
        manager.start_kernel()


@pytest.mark.slow
def test_a_relay_of_an_unknown_kernel_is_closed_with_the_reason(server: ServerAddress) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    with (
        GatewayKernelManager(server.url, token=TOKEN, kernel_id=unknown) as manager,
        pytest.raises(KernelError, match="the server does not have this kernel any more"),
    ):
        manager.relay.wait_open(READY)


@pytest.mark.slow
def test_a_shutdown_ends_the_wait_of_a_client(manager: GatewayKernelManager) -> None:
    client = manager.client()

    def wait() -> object:
        client.start_channels()
        client.wait_for_ready(timeout=READY)
        try:
            cell = client.execute(STUBBORN)
            begun.append(next_output(client))
            return client.get_reply(cell, timeout=READY)
        finally:
            client.stop_channels()

    begun: list[str] = []
    waiting = Background(wait)
    eventually(lambda: begun, READY)

    manager.shutdown_kernel()

    reply = waiting.result()
    assert isinstance(reply, dict)
    assert reply["content"]["ename"] == "ConnectionLost"


@pytest.mark.slow
def test_a_kernel_of_a_gateway_is_used_in_the_same_way(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with (
        kernel_gateway(tmp_path_factory.mktemp("gateway"), list_kernels=False) as address,
        GatewayKernelManager(address.url, token=TOKEN) as manager,
    ):
        manager.start_kernel(env={"KERNEL_USERNAME": "ann"})
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=READY)

        reply = client.execute(
            "import os", user_expressions={"n": "os.environ['KERNEL_USERNAME']"}, reply=True
        )

        assert reply["content"]["user_expressions"]["n"]["data"]["text/plain"] == "'ann'"
        client.stop_channels()
