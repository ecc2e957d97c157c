"""A real JupyterHub: a user's server behind its proxy, and what is said where there is none."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator

import pytest

from kerneltui import GatewayKernelManager
from kerneltui.errors import ServerError
from kerneltui.fleet.engines.server.engine import ServerEngine
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server_session import ServerSession
from tests.fleet.small_kernels import SPECS
from tests.jupyterhubs import RUNS, RUNS_NOT, Hub, jupyterhub, needs_jupyterhub
from tests.support import eventually

pytestmark = [pytest.mark.slow, needs_jupyterhub]

READY = 60.0  # seconds for a kernel to start on a busy machine


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    spec = folder / "kernels" / "tiny"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps(SPECS["tiny"]), encoding="utf-8")
    with jupyterhub(folder) as hub:
        yield hub


@pytest.fixture
def api(hub: Hub) -> Iterator[GatewayApi]:
    with ServerSession(hub.address()) as session:
        yield GatewayApi(session)


def test_a_kernel_is_started_interrupted_restarted_and_shut_down(api: GatewayApi) -> None:
    kernel_id = api.start("tiny").id

    api.interrupt(kernel_id)
    api.restart(kernel_id)
    listed = api.kernels()
    api.shutdown(kernel_id)

    assert [each.id for each in listed] == [kernel_id]
    assert api.kernels() == ()


def test_code_input_and_buffers_pass_through_the_hub_s_proxy(hub: Hub) -> None:
    said: list[str] = []
    with GatewayKernelManager(f"{hub.url}user/{RUNS}/lab", token=hub.token) as manager:
        manager.start_kernel()
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=READY)

        client.execute_interactive(
            "print('hello', input('name? '))",
            timeout=READY,
            output_hook=lambda message: said.append(message["content"].get("text", "")),
            stdin_hook=lambda _: client.input("Ada"),
        )
        client.execute("from comm import create_comm\ncreate_comm('probe', buffers=[b'\\0abc'])")
        while (message := client.get_iopub_msg(timeout=READY))["msg_type"] != "comm_open":
            pass

        assert "".join(said) == "hello Ada\n"
        assert [bytes(each) for each in message["buffers"]] == [b"\0abc"]
        client.stop_channels()


def test_a_user_s_kernel_is_a_row_that_can_be_shut_down(hub: Hub, api: GatewayApi) -> None:
    kernel_id = api.start("tiny").id
    with contextlib.closing(ServerEngine("hub", hub.address())) as engine:
        engine.open()
        eventually(lambda: engine.snapshots)

        (row,) = engine.snapshots
        engine.do(Verb.SHUTDOWN, row.target)

        assert (row.kernel_id, row.kernel_name) == (f"hub:{kernel_id}", "hub:tiny")
        eventually(lambda: not engine.snapshots)


SERVER = f"user/{RUNS}/"
ERRORS = [
    pytest.param(SERVER, "wrong", "does not accept the token; .* give another", id="wrong token"),
    pytest.param(SERVER, "", "wants a token or a password, and none is given", id="no token"),
    pytest.param("", None, "is JupyterHub itself; a user's server .* user/NAME/", id="hub"),
    pytest.param(
        f"user/{RUNS_NOT}/", None, "no running server at .*/bob/: start it", id="not running"
    ),
]


@pytest.mark.parametrize(("path", "token", "words"), ERRORS)
def test_where_no_server_is_for_us_one_error_says_why(
    hub: Hub, path: str, token: str | None, words: str
) -> None:
    with (
        ServerSession(hub.address(path, token)) as session,
        pytest.raises(ServerError, match=words),
    ):
        GatewayApi(session).kernels()


@pytest.mark.parametrize(("path", "token", "words"), ERRORS)
def test_an_engine_without_rows_says_why(
    hub: Hub, path: str, token: str | None, words: str
) -> None:
    with contextlib.closing(ServerEngine("hub", hub.address(path, token))) as engine:
        engine.open()
        eventually(lambda: engine.state.reason)

        assert re.search(words, str(engine.state))
