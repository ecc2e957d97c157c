"""A login is made when it is needed, once for each refusal, and a password is not tried twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

import pytest

from kerneltui.errors import LoginRefused, ServerRefused
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession
from tests.kernels.gateway.scripted_server import Asked, ScriptedServer, answer
from tests.support import Background

PASSWORD = "a password & more"
NEW = "a-new-token"


class PasswordServer(ScriptedServer):
    """A server as Jupyter's with a password, whose cookies a test can let expire."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.cookie = 0
        """The number of the last login."""
        self.expired = False
        self.login_status = 0
        """What a login is answered instead of being checked."""

    def logins(self) -> int:
        return self.paths().count("POST /login")

    def _answer(self, asked: Asked) -> list[bytes]:
        if asked.path == "/api":
            return answer(200, "{}")
        if asked.path == "/login":
            return self._login(asked)
        if self.expired or f"user={self.cookie}" not in asked.header("Cookie"):
            return answer(403, '{"message": "Forbidden"}')
        if asked.method != "GET" and asked.header("X-XSRFToken") != "fish":
            return answer(403, '{"message": "\'_xsrf\' argument missing from POST"}')
        return answer(200, "[]")

    def _login(self, asked: Asked) -> list[bytes]:
        if asked.method == "GET":
            return answer(200, "<form>", "Set-Cookie: _xsrf=fish; Path=/")
        if self.login_status:
            return answer(self.login_status)
        form = parse_qs(asked.body)
        if form != {"password": [PASSWORD], "_xsrf": ["fish"]}:
            return answer(401, "<form>")
        self.cookie += 1
        return answer(302, "", "Location: /", f"Set-Cookie: user={self.cookie}; Path=/")


@pytest.fixture
def server() -> Iterator[PasswordServer]:
    with PasswordServer() as server:
        yield server


@pytest.fixture
def session(server: PasswordServer) -> Iterator[ServerSession]:
    with ServerSession(ServerAddress(server.url, password=PASSWORD)) as session:
        yield session


def test_a_password_is_sent_before_the_first_request(
    server: PasswordServer, session: ServerSession
) -> None:
    session.request("POST", "api/kernels", body={})
    session.request("GET", "api/kernels")

    orders = ["POST /api/kernels", "GET /api/kernels"]
    assert server.paths() == ["GET /api", "GET /login", "POST /login", *orders]


def test_an_expired_login_is_made_again(server: PasswordServer, session: ServerSession) -> None:
    session.request("GET", "api/kernels")
    server.cookie += 1

    assert session.request("POST", "api/kernels", body={}) == []
    assert server.logins() == 2


def test_one_refusal_of_many_requests_is_one_login(
    server: PasswordServer, session: ServerSession
) -> None:
    session.request("GET", "api/kernels")
    server.cookie += 1

    waiting = [Background(lambda: session.request("GET", "api/kernels")) for _ in range(5)]

    assert [each.result() for each in waiting] == [[]] * 5
    assert server.logins() == 2


def test_a_server_that_refuses_its_own_login_is_not_asked_for_ever(
    server: PasswordServer, session: ServerSession
) -> None:
    server.expired = True

    with pytest.raises(LoginRefused, match="does not accept its own login by password"):
        session.request("GET", "api/kernels")

    assert server.logins() == 2


def test_a_wrong_password_is_sent_once(server: PasswordServer) -> None:
    with ServerSession(ServerAddress(server.url, password="wrong")) as session:
        for _ in range(3):
            with pytest.raises(LoginRefused, match=r"does not accept the password \(401\)"):
                session.request("GET", "api/kernels")

    assert server.logins() == 1


@pytest.mark.parametrize("status", [429, 502])
def test_a_login_that_the_server_had_no_time_for_is_tried_again(
    server: PasswordServer, session: ServerSession, status: int
) -> None:
    server.login_status = status
    with pytest.raises(ServerRefused, match=rf"takes no login now \({status} Words\)"):
        session.request("GET", "api/kernels")
    server.login_status = 0

    assert session.request("GET", "api/kernels") == []


def test_a_websocket_has_the_cookies_of_the_login(
    server: PasswordServer, session: ServerSession
) -> None:
    place = session.websocket("api/kernels/k/channels?session_id=s")

    assert set(place.headers["Cookie"].split("; ")) == {"_xsrf=fish", "user=1"}
    assert place.uri == f"ws{server.url[4:]}api/kernels/k/channels?session_id=s"


def test_a_given_password_goes_before_a_way_to_tokens(server: PasswordServer) -> None:
    renew = Renewals(NEW)

    with ServerSession(ServerAddress(server.url, password=PASSWORD), renew) as session:
        session.request("GET", "api/kernels")

    assert renew.count == 0


def test_a_server_without_passwords_is_told_to_want_a_token() -> None:
    with (
        ScriptedServer(lambda asked: answer(404 if asked.path == "/login" else 200)) as server,
        ServerSession(ServerAddress(server.url, password=PASSWORD)) as session,
        pytest.raises(LoginRefused, match=r"has no login by password \(GET login: 404\)"),
    ):
        session.request("GET", "api/kernels")


@pytest.mark.parametrize("base", ["", "user/ann/"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_without_a_login_gets_a_cookie_that_only_we_can_repeat(
    base: str, host: str
) -> None:
    with ScriptedServer(lambda _: answer(200, "{}")) as server:
        url = f"http://{host}:{server.port}/{base}"
        with ServerSession(ServerAddress(url)) as session:
            session.request("POST", "api/kernels", body={})
            session.request("DELETE", "api/kernels/k")

    first, second = (each.header("X-XSRFToken") for each in server.asked[1:])
    assert len(first) == 32
    assert second == first
    assert server.asked[-1].header("Cookie") == f"_xsrf={first}"


def test_a_server_s_own_cookie_replaces_ours() -> None:
    def script(asked: Asked) -> list[bytes]:
        ours = asked.header("X-XSRFToken")
        return answer(200, "{}", *(["Set-Cookie: _xsrf=fish; Path=/user/ann/"] if ours else []))

    with (
        ScriptedServer(script) as server,
        ServerSession(ServerAddress(f"{server.url}user/ann/")) as session,
    ):
        session.request("POST", "api/kernels", body={})
        session.request("POST", "api/kernels", body={})

    assert server.asked[-1].header("X-XSRFToken") == "fish"
    assert server.asked[-1].header("Cookie") == "_xsrf=fish"


# -- tokens ----


def wants(token: str) -> Callable[[Asked], list[bytes]]:
    """Return a script that wants a token, except for a first look."""

    def script(asked: Asked) -> list[bytes]:
        known = asked.path == "/api" or asked.header("Authorization") == f"token {token}"
        return answer(200 if known else 401, "[]")

    return script


class Renewals:
    """Tells tokens and counts them."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"{self._token}\n"


@pytest.mark.parametrize("before", ["", "an-old-token"])
def test_a_token_is_asked_for_when_it_is_missing_or_refused(before: str) -> None:
    renew = Renewals(NEW)

    with (
        ScriptedServer(wants(NEW)) as server,
        ServerSession(ServerAddress(server.url, before), renew) as session,
    ):
        session.request("GET", "api/kernels")
        session.request("GET", "api/kernels")

    assert renew.count == 1


def test_a_token_that_is_still_the_same_is_not_sent_again() -> None:
    renew = Renewals("old-token")

    with (
        ScriptedServer(wants(NEW)) as server,
        ServerSession(ServerAddress(server.url, "old-token"), renew) as session,
        pytest.raises(LoginRefused, match="does not accept the token"),
    ):
        session.request("GET", "api/kernels")

    assert server.paths() == ["GET /api", "GET /api/kernels"]


def test_a_renewed_token_that_is_refused_ends_the_request() -> None:
    renew = Renewals("another-token")

    with (
        ScriptedServer(wants(NEW)) as server,
        ServerSession(ServerAddress(server.url, "old-token"), renew) as session,
        pytest.raises(LoginRefused, match="does not accept the token"),
    ):
        session.request("GET", "api/kernels")

    assert renew.count == 1


def test_a_new_token_of_two_words_is_refused_without_being_shown() -> None:
    with (
        ScriptedServer(wants(NEW)) as server,
        ServerSession(ServerAddress(server.url), lambda: "usage: of\nsome tool") as session,
        pytest.raises(LoginRefused, match="is not one word of ASCII") as caught,
    ):
        session.request("GET", "api/kernels")

    assert "tool" not in str(caught.value)


def test_what_is_forbidden_to_who_is_logged_in_is_no_refused_login() -> None:
    def script(asked: Asked) -> list[bytes]:
        return answer(403 if asked.path == "/api/kernels" else 200, "{}", phrase="Forbidden")

    with (
        ScriptedServer(script) as server,
        ServerSession(ServerAddress(server.url, NEW)) as session,
        pytest.raises(ServerRefused, match="refused GET api/kernels with 403: Forbidden"),
    ):
        session.request("GET", "api/kernels")
