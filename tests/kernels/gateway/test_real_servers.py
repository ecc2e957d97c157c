"""Sessions with real Jupyter servers and gateways, in each of the ways that they are reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kerneltui.errors import LoginRefused, NoSuchKernel, ServerRefused, ServerUnreachable
from kerneltui.kernels.gateway.exchange import WebsocketPlace
from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession
from kerneltui.kernels.gateway.websocket import open_websocket
from kerneltui.protocol.websocket_frames import V1
from tests.processes import descendant
from tests.remote_servers import (
    PASSWORD,
    TOKEN,
    Authority,
    jupyter_server,
    kernel_gateway,
    make_authority,
    without_login,
)

pytestmark = pytest.mark.slow

BASE = "/user/ann/"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def address(
    request: pytest.FixtureRequest, places: Path, authority: Authority
) -> Iterator[ServerAddress]:
    folder = places / f"server-{request.param}"  # short, for a unix socket
    folder.mkdir()
    with _server(request.param, folder, authority) as address:
        yield address


def _server(kind: str, folder: Path, authority: Authority) -> AbstractContextManager[ServerAddress]:
    match kind:
        case "password":
            return jupyter_server(folder, token="", password=PASSWORD)
        case "open":
            return jupyter_server(folder, token="")
        case "base_url":
            return jupyter_server(folder, base=BASE)
        case "tls":
            return jupyter_server(folder, authority=authority)
        case "client_tls":
            return jupyter_server(folder, authority.demand, authority=authority)
        case "unix":
            return jupyter_server(folder, unix=True)
        case "gateway":
            return kernel_gateway(folder)
        case "closed_gateway":
            return kernel_gateway(folder, list_kernels=False)
    return jupyter_server(folder)


def only(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("address", kinds, indirect=True)


EVERY = only("token", "password", "open", "base_url", "tls", "unix", "gateway")
LOCKED = only("token", "base_url", "unix", "gateway")


@pytest.fixture
def session(address: ServerAddress) -> Iterator[ServerSession]:
    with ServerSession(address) as session:
        yield session


@pytest.fixture
def api(session: ServerSession) -> GatewayApi:
    return GatewayApi(session)


@pytest.fixture
def kernel_id(api: GatewayApi) -> Iterator[str]:
    kernel_id = api.start("python3").id
    yield kernel_id
    api.shutdown(kernel_id)


@EVERY
def test_a_server_tells_its_kernelspecs(api: GatewayApi) -> None:
    languages = {spec.name: spec.language for spec in api.specs()}

    assert languages["python3"] == "python"


@EVERY
def test_a_started_kernel_is_listed(api: GatewayApi, kernel_id: str) -> None:
    assert [(each.id, each.name) for each in api.kernels()] == [(kernel_id, "python3")]


@EVERY
def test_a_kernel_can_be_interrupted_and_restarted(api: GatewayApi, kernel_id: str) -> None:
    api.interrupt(kernel_id)
    api.restart(kernel_id)

    assert api.model(kernel_id).id == kernel_id


@EVERY
def test_a_kernel_that_was_shut_down_is_unknown(api: GatewayApi) -> None:
    kernel_id = api.start("python3").id

    api.shutdown(kernel_id)

    with pytest.raises(ServerRefused, match="404: Kernel does not exist"):
        api.model(kernel_id)


@EVERY
def test_a_websocket_opens_with_the_session_s_login(session: ServerSession, kernel_id: str) -> None:
    place = session.websocket(f"api/kernels/{kernel_id}/channels?session_id=abc")

    assert chosen_protocol(place) == V1


def chosen_protocol(place: WebsocketPlace) -> str | None:
    async def opened() -> str | None:
        async with await open_websocket(place) as websocket:
            return websocket.subprotocol

    return asyncio.run(opened())


@EVERY
def test_an_unknown_kernelspec_is_refused_with_those_that_there_are(api: GatewayApi) -> None:
    with pytest.raises(NoSuchKernel, match=r"kernel spec 'pyhton3' not found at .*python3"):
        api.start("pyhton3")


@LOCKED
def test_a_server_wants_a_login(address: ServerAddress) -> None:
    with (
        ServerSession(without_login(address)) as session,
        pytest.raises(LoginRefused, match="wants a token or a password, and none is given"),
    ):
        GatewayApi(session).kernels()


@LOCKED
def test_a_wrong_token_is_refused(address: ServerAddress) -> None:
    with (
        ServerSession(replace(address, token="wrong-token")) as session,
        pytest.raises(LoginRefused, match="does not accept the token"),
    ):
        GatewayApi(session).start("")


@LOCKED
def test_a_refused_token_is_renewed(address: ServerAddress) -> None:
    with ServerSession(replace(address, token="wrong-token"), lambda: TOKEN) as session:
        GatewayApi(session).specs()


@only("password")
def test_a_wrong_password_is_sent_once_only(address: ServerAddress) -> None:
    with ServerSession(replace(address, password="wrong-password")) as session:
        for _ in range(2):
            with pytest.raises(LoginRefused, match=r"does not accept the password \(401\)"):
                session.request("GET", "api/kernels")


@only("token")
def test_a_notebook_has_one_session(api: GatewayApi) -> None:
    session = api.start_session("python3", "a.ipynb")

    assert api.start_session("python3", "a.ipynb").id == session.id
    assert [each.path for each in api.sessions()] == ["a.ipynb"]
    assert session.kernel is not None
    api.shutdown(session.kernel.id)


@only("token")
def test_a_server_without_encryption_is_told_from_one_with_it(address: ServerAddress) -> None:
    secure = replace(address, url=address.url.replace("http:", "https:"))

    with (
        ServerSession(secure) as session,
        pytest.raises(ServerUnreachable, match="is its address http://"),
    ):
        session.request("GET", "api")


@only("token")
def test_a_kernel_is_started_in_a_folder_below_the_server_s(api: GatewayApi, places: Path) -> None:
    folder = places / "server-token" / "folder"
    folder.mkdir()

    with started(api, path="folder") as process:
        assert process.cwd() == str(folder)


@only("tls")
def test_an_unknown_authority_is_an_error_that_names_the_option(address: ServerAddress) -> None:
    with (
        ServerSession(replace(address, ca_file="")) as session,
        pytest.raises(ServerUnreachable, match=r"certificate cannot be verified .*ca_file"),
    ):
        session.request("GET", "api")


@only("client_tls")
def test_a_client_s_certificate_is_shown(address: ServerAddress, authority: Authority) -> None:
    folder = authority.folder
    known = replace(
        address,
        client_certificate=str(folder / "client.pem"),
        client_key=str(folder / "client.key"),
    )

    with ServerSession(known) as session:
        assert GatewayApi(session).kernels() == ()


@only("client_tls")
def test_a_server_that_wants_a_client_s_certificate_refuses_who_has_none(
    address: ServerAddress,
) -> None:
    with ServerSession(address) as session, pytest.raises(ServerUnreachable, match="encryption"):
        session.request("GET", "api")


@only("closed_gateway")
def test_a_gateway_that_does_not_list_its_kernels_is_told_how_to(api: GatewayApi) -> None:
    with pytest.raises(ServerRefused, match=r"list_kernels=True or KG_LIST_KERNELS=True"):
        api.kernels()


@only("gateway")
def test_a_gateway_passes_on_variables_for_its_kernel(api: GatewayApi) -> None:
    with started(api, environment={"KERNEL_USERNAME": "ann"}) as process:
        assert process.environ()["KERNEL_USERNAME"] == "ann"


@contextmanager
def started(
    api: GatewayApi, *, path: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """Start a kernel and yield its process."""
    kernel_id = api.start("python3", path=path, environment=environment).id
    yield descendant(lambda words: kernel_id in " ".join(words))
    api.shutdown(kernel_id)
