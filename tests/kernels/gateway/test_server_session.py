"""A session waits for its answers only, and does without what is not there."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.errors import KernelError, ServerError, ServerUnreachable
from kerneltui.kernels.gateway import http_client
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession
from tests.kernels.gateway.scripted_server import ScriptedServer, answer
from tests.remote_servers import HOST, free_port
from tests.support import no_more_threads

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def test_nobody_at_the_address_is_unreachable() -> None:
    with (
        ServerSession(ServerAddress(f"http://{HOST}:{free_port()}/")) as session,
        pytest.raises(ServerUnreachable, match=r"cannot be asked: connection refused"),
    ):
        session.request("GET", "api")


def test_a_missing_unix_socket_is_unreachable(tmp_path: Path) -> None:
    address = ServerAddress("http://localhost/", unix_socket=str(tmp_path / "s.sock"))

    with (
        ServerSession(address) as session,
        pytest.raises(ServerUnreachable, match=r"s\.sock cannot be asked: no such file"),
    ):
        session.request("GET", "api")


def test_a_server_that_comes_later_is_reached_then() -> None:
    port = free_port()
    with ServerSession(ServerAddress(f"http://{HOST}:{port}/")) as session:
        with pytest.raises(ServerUnreachable):
            session.request("GET", "api")

        with ScriptedServer(lambda _: answer(200, "[]"), port) as _:
            assert session.request("GET", "api") == []


def test_a_thread_that_cannot_start_is_started_for_the_next_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        ScriptedServer(lambda _: answer(200, "[]")) as server,
        ServerSession(ServerAddress(server.url)) as session,
    ):
        with monkeypatch.context() as refusing:
            no_more_threads(refusing)
            with pytest.raises(KernelError, match="ulimit -u"):
                session.request("GET", "api")

        assert session.request("GET", "api") == []


def test_an_unknown_name_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with (
        ServerSession(ServerAddress("http://nowhere:8888/")) as session,
        pytest.raises(ServerUnreachable, match=r"no address is known for its name \(Name or"),
    ):
        session.request("GET", "api")


@pytest.fixture
def stuck_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait())
    yield
    over.set()


@pytest.mark.usefixtures("stuck_names", "no_proxy")
def test_a_name_that_is_looked_up_for_ever_does_not_hold_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_client, "CONNECT_SHARE", 0.01)
    with (
        ServerSession(ServerAddress("http://host:8888/", timeout=20.0)) as session,
        pytest.raises(ServerUnreachable, match=r"no connection within 0\.2 s"),
    ):
        session.request("GET", "api")


@pytest.mark.usefixtures("no_proxy")
def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(lambda _: answer(200, "[]")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with ServerSession(ServerAddress("http://host.invalid/a/")) as session:
            session.request("GET", "api/kernels")

        assert proxy.asked[-1].path == "http://host.invalid/a/api/kernels"


@pytest.mark.usefixtures("no_proxy")
def test_an_unusable_proxy_is_an_error_that_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://ann:secret@host")

    with (
        ServerSession(ServerAddress("http://host/")) as session,
        pytest.raises(ServerError, match="a proxy that the environment names") as caught,
    ):
        session.request("GET", "api")

    assert "secret" not in str(caught.value)


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [each for each in sys.modules if each.startswith("kerneltui.kernels.gateway.")]:
        if module.endswith((".exchange", ".http_client")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "httpx", None)

    with (
        ServerSession(ServerAddress("http://host/")) as session,
        pytest.raises(KernelError, match=r"pip install 'kerneltui\[remote\]'"),
    ):
        session.request("GET", "api")


def test_a_query_is_sent_but_not_told() -> None:
    with (
        ScriptedServer(lambda _: answer(500)) as server,
        ServerSession(ServerAddress(server.url)) as session,
        pytest.raises(ServerError, match=r"refused GET api/x with 500: Words$"),
    ):
        session.request("GET", "api/x?a=b")

    assert server.asked[-1].path == "/api/x?a=b"


def test_what_a_renewal_raises_is_raised_by_the_request() -> None:
    def renew() -> str:
        raise KernelError("the token command failed with exit code 1")

    with (
        ScriptedServer(lambda _: answer(200)) as server,
        ServerSession(ServerAddress(server.url), renew) as session,
        pytest.raises(KernelError, match="the token command failed with exit code 1"),
    ):
        session.request("GET", "api")
