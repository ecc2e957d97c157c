"""Whatever a server sends, a request ends with one error, in bounded time, without our secrets."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from kerneltui.errors import LoginRefused, ServerError, ServerRefused, ServerUnreachable
from kerneltui.kernels.gateway import http_client
from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession
from tests.kernels.gateway.scripted_server import Asked, Script, ScriptedServer, answer
from tests.support import PATIENCE, Background, eventually

TOKEN = "a-token-that-nobody-may-see"
SECRET = "a-header-that-nobody-may-see"
SHORT = 0.5  # seconds
DRIPS, DRIP = 1000, 0.02  # how many bytes, and seconds before each
HOSTILE = "\x1b[2J\x07\u202e<b>&\r\n"


def at(server: ScriptedServer, timeout: float = PATIENCE) -> ServerSession:
    address = ServerAddress(server.url, TOKEN, headers={"X-Door": SECRET}, timeout=timeout)
    return ServerSession(address)


def failure(
    server: ScriptedServer, *, timeout: float = PATIENCE, method: str = "GET"
) -> ServerError:
    """Return the error of a request, once it is known to show no secret."""
    with at(server, timeout) as session, pytest.raises(ServerError) as caught:
        session.request(method, "api/kernels")
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert TOKEN not in shown
    assert SECRET not in shown
    return caught.value


def first_then(script: Script) -> Script:
    """Return a script for what comes after the first look, which has no secrets."""
    return lambda asked: answer(200, "{}") if asked.path == "/api" else script(asked)


# -- time and size ----


def drip(beginning: bytes, over: Callable[[float], object]) -> Iterator[bytes]:
    yield beginning
    for _ in range(DRIPS):
        over(DRIP)
        yield b"x"


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"],
    ids=["status", "header", "body"],
)
def test_a_server_that_sends_byte_after_byte_does_not_hold_us(beginning: bytes) -> None:
    with ScriptedServer(lambda _: drip(beginning, server.over.wait)) as server:
        begun = time.monotonic()

        error = failure(server, timeout=SHORT)

        assert isinstance(error, ServerUnreachable)
        assert time.monotonic() - begun < DRIPS * DRIP


def test_a_server_that_says_nothing_is_told_with_the_time_waited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_client, "CONNECT_SHARE", 100.0)  # to connect may take long

    def nothing(_: Asked) -> Iterator[bytes]:
        server.over.wait()
        yield b""

    with ScriptedServer(nothing) as server:
        error = failure(server, timeout=SHORT)

        assert str(error).endswith("did not answer GET api/kernels within 0.5 s")


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "MAX_ANSWER", 1_000_000)

    def endless(_: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while not server.over.is_set():
            yield b" " * 65536

    with ScriptedServer(first_then(endless)) as server:
        assert "answered with more than 1 MB" in str(failure(server))


def test_a_request_under_way_ends_when_the_session_is_closed() -> None:
    def nothing(_: Asked) -> Iterator[bytes]:
        server.over.wait()
        yield b""

    with ScriptedServer(nothing) as server, at(server) as session:
        waiting = Background(lambda: session.request("GET", "api/kernels"))
        eventually(lambda: server.asked)

        session.close()

        with pytest.raises(ServerUnreachable, match="was disconnected"):
            waiting.result()


def test_a_closed_session_asks_nothing() -> None:
    with ScriptedServer(lambda _: answer()) as server:
        session = at(server)
        session.close()

        with pytest.raises(ServerUnreachable, match="was disconnected"):
            session.request("GET", "api/kernels")

        assert server.asked == []


# -- what is no answer ----


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"", "not a whole HTTP answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not a whole HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "not a whole HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "not a whole HTTP answer"),
    ],
    ids=["nothing", "another protocol", "cut short", "endless header"],
)
def test_what_is_not_http_is_told_so(sent: bytes, told: str) -> None:
    with ScriptedServer(lambda _: [sent]) as server:
        error = failure(server)

        assert isinstance(error, ServerUnreachable)
        assert told in str(error)


@pytest.mark.parametrize(
    "body", ["<html>", "[" * 100_000, "1" * 10_000, b"\xff\xfe"], ids=["html", "deep", "long", "?"]
)
def test_what_is_not_json_is_told_so(body: str | bytes) -> None:
    page = first_then(lambda _: answer(200, body, "Content-Type: text/html; charset=x"))

    with ScriptedServer(page) as server:
        assert "something that is not JSON (text/html)" in str(failure(server))


@pytest.mark.parametrize(
    "told", [None, 1, "text", {}, {"id": 1}, [[], None, {"id": 5}, {"id": ""}]]
)
def test_an_answer_of_another_shape_has_no_kernels(told: object) -> None:
    with ScriptedServer(lambda _: answer(200, json.dumps(told))) as server, at(server) as session:
        api = GatewayApi(session)

        assert (api.kernels(), api.sessions(), api.specs()) == ((), (), ())


def test_a_started_kernel_without_an_id_is_an_error() -> None:
    with (
        ScriptedServer(lambda _: answer(201, "{}")) as server,
        at(server) as session,
        pytest.raises(ServerError, match="did not tell the id of the kernel that it started"),
    ):
        GatewayApi(session).start("")


def test_the_reason_of_a_refusal_is_one_clean_line() -> None:
    told = json.dumps({"message": f"{HOSTILE}no {TOKEN} here", "reason": 5})

    with ScriptedServer(first_then(lambda _: answer(500, told))) as server:
        error = failure(server)

        assert isinstance(error, ServerRefused)
        assert (error.status, error.reason) == (500, "\u2407\ufffd<b>& no *** here")


def test_the_words_after_the_status_serve_as_the_reason() -> None:
    refused = first_then(lambda _: answer(500, "[]", phrase="\x1b[31mBroken"))

    with ScriptedServer(refused) as server:
        assert failure(server).args[0].endswith("refused GET api/kernels with 500: Broken")


# -- redirects ----


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_to_another_server_is_named_and_not_followed(status: int, method: str) -> None:
    with ScriptedServer(lambda _: answer(200, "[]")) as thief:
        place = f"Location: {thief.url}path?token={TOKEN}"
        with ScriptedServer(first_then(lambda _: answer(status, "", place))) as server:
            error = failure(server, method=method)

        assert isinstance(error, ServerRefused)
        assert f"redirects {method} api/kernels to http://127.0.0.1, which" in str(error)
        assert thief.asked == []


@pytest.mark.parametrize(
    "place", ["", "http://[", "http://x:99999999/", "//", "\x00", "javascript:"]
)
def test_a_malformed_redirect_is_one_error(place: str) -> None:
    with ScriptedServer(lambda _: answer(302, "", f"Location: {place}")) as server:
        failure(server)


def test_a_first_look_has_no_secrets() -> None:
    with ScriptedServer(lambda _: answer(200, "[]")) as server:
        with at(server) as session:
            session.request("GET", "api/kernels")

        look, request = server.asked
        assert (look.path, look.header("Authorization"), look.header("X-Door")) == ("/api", "", "")
        assert request.header("Authorization") == f"token {TOKEN}"
        assert request.header("X-Door") == SECRET


@pytest.mark.parametrize("place", ["/login?next=x", "/hub/api/oauth2/authorize?x=y"])
def test_a_redirect_to_a_login_page_is_a_refused_login(place: str) -> None:
    redirect = first_then(lambda _: answer(302, "", f"Location: {place}"))

    with ScriptedServer(redirect) as server:
        assert isinstance(failure(server), LoginRefused)


@pytest.mark.parametrize(
    "told", [answer(424, "{}"), answer(503), answer(302, "", "Location: /hub/user/ann/api/kernels")]
)
def test_a_hub_without_the_user_s_server_says_so(told: list[bytes]) -> None:
    with ScriptedServer(first_then(lambda _: told)) as server:
        address = ServerAddress(f"{server.url}user/ann/", TOKEN)
        with (
            ServerSession(address) as session,
            pytest.raises(ServerRefused, match=r"JupyterHub has no running server at .*/user/ann/"),
        ):
            session.request("GET", "api/kernels")


def test_the_address_of_a_hub_itself_is_told_from_a_server_s() -> None:
    place = "Location: /hub/api/kernels"

    with ScriptedServer(first_then(lambda _: answer(302, "", place))) as server:
        assert "is JupyterHub itself; a user's server there is at user/NAME/" in str(
            failure(server)
        )


# -- 401 in the middle ----


def test_a_refusal_of_the_token_is_told_without_a_second_try() -> None:
    with ScriptedServer(first_then(lambda _: answer(401))) as server:
        error = failure(server)

        assert isinstance(error, LoginRefused)
        assert server.paths() == ["GET /api", "GET /api/kernels"]


def test_cookies_without_end_are_not_kept() -> None:
    many = [f"Set-Cookie: c{number}=x" for number in range(http_client.MAX_COOKIES + 1)]

    with ScriptedServer(lambda _: answer(200, "[]", *many)) as server:
        with at(server) as session:
            session.request("GET", "api/kernels")
            session.request("GET", "api/kernels")

        assert server.asked[-1].header("Cookie") == ""
