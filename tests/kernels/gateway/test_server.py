"""Addresses are read as users paste them, and never show their secrets."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.errors import ServerError
from kerneltui.kernels.gateway.server import ServerAddress, parse_address

TOKEN = "a-token-that-nobody-may-see"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:8888", "http://localhost:8888/"),
        (" http://localhost:8888/ \n", "http://localhost:8888/"),
        ("HTTP://LocalHost:8888/", "http://localhost:8888/"),
        ("http://[::1]:8888/lab", "http://[::1]:8888/"),
        ("http://host:8888/?token=x", "http://host:8888/"),
        ("http://host:8888/lab?token=x#cell", "http://host:8888/"),
        ("http://host:8888/lab/tree/lab/a%20b.ipynb", "http://host:8888/"),
        ("http://host:8888/lab/workspaces/auto-1/tree/x", "http://host:8888/"),
        ("http://host:8888/tree?", "http://host:8888/"),
        ("http://host:8888/notebooks/a.ipynb", "http://host:8888/"),
        ("http://host:8888/login?next=%2Flab", "http://host:8888/"),
        ("http://host:8888/api/kernels", "http://host:8888/"),
        ("http://host:8888/a/b", "http://host:8888/a/b/"),
        ("http://host:8888/a//b/lab", "http://host:8888/a/b/"),
        ("https://hub.org/user/ann", "https://hub.org/user/ann/"),
        ("https://hub.org/user/ann%40x.org/lab", "https://hub.org/user/ann%40x.org/"),
        ("https://hub.org/user/lab/lab", "https://hub.org/user/lab/"),
        ("https://hub.org/user/hub/", "https://hub.org/user/hub/"),
        ("https://hub.org/user/ann/gpu/lab/tree/x", "https://hub.org/user/ann/gpu/"),
        ("https://hub.org/jupyter/user/ann/lab", "https://hub.org/jupyter/user/ann/"),
        ("https://hub.org/hub/user/ann/lab", "https://hub.org/user/ann/"),
    ],
)
def test_a_page_s_url_leads_to_its_server(text: str, url: str) -> None:
    assert parse_address(text).url == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost", "http://localhost/"),
        ("localhost:8888", "http://localhost:8888/"),
        ("localhost:8888/lab", "http://localhost:8888/"),
        ("gpu:8888/?token=x", "http://gpu:8888/"),
        ("gpu:8888/login?next=http://x/y", "http://gpu:8888/"),
        ("127.0.0.1", "http://127.0.0.1/"),
        ("hub.org/user/ann/", "https://hub.org/user/ann/"),
        ("hub.org:443", "https://hub.org:443/"),
        ("hub.org:8443", "https://hub.org:8443/"),
    ],
)
def test_a_missing_scheme_is_guessed(text: str, url: str) -> None:
    assert parse_address(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        f"http://host:8888/?token={TOKEN}",
        f"http://host:8888/lab?reset&token={TOKEN}&x=y#z",
        f"host:8888/tree?token={TOKEN}",
        f"http+unix://%2Ftmp%2Fx.sock/lab?token={TOKEN}",
    ],
)
def test_a_token_moves_out_of_the_url(text: str) -> None:
    address = parse_address(text)

    assert address.token == TOKEN
    assert TOKEN not in f"{address} {address!r}"


def test_the_url_of_a_unix_socket_leads_to_it() -> None:
    address = parse_address("http+unix://%2Ftmp%2Fa%20b.sock/user/ann/lab")

    assert (address.unix_socket, address.url) == ("/tmp/a b.sock", "http://localhost/user/ann/")


def test_a_path_is_that_of_a_unix_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")

    assert parse_address("/tmp/x.sock").unix_socket == "/tmp/x.sock"
    assert parse_address("~/x.sock").unix_socket == "/home/ann/x.sock"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (f"http://host/ ?token={TOKEN}", "has blanks or control characters"),
        (f"http://host\\@other/?token={TOKEN}", "has blanks or control characters"),
        (f"ftp://host/?token={TOKEN}", "its scheme 'ftp' is not http or https"),
        (f"file:///etc/passwd?token={TOKEN}", "its scheme 'file' is not http or https"),
        (f"http://ann:{TOKEN}@host/", "a user name before its host"),
        (f"{TOKEN}@host:8888", "a user name before its host"),
        (f"http:///lab?token={TOKEN}", "it has no host"),
        (f"http://host:port/?token={TOKEN}", "its host or its port is malformed"),
        (f"http://host:99999/?token={TOKEN}", "its host or its port is malformed"),
        (f"http://[::1/?token={TOKEN}", "its host or its port is malformed"),
        (f"http+unix://%2Fx%00?token={TOKEN}", "has a NUL character"),
        ("/x\0y", "has a NUL character"),
        ("https://hub.org/hub/home", "it is a page of JupyterHub"),
        ("https://hub.org/hub/", "it is a page of JupyterHub"),
        (f"http://host/?token={TOKEN}%0A", "is not one word of ASCII"),
        (f"http://host/?token={TOKEN}%C3%A9", "is not one word of ASCII"),
    ],
)
def test_what_cannot_be_used_is_told_without_secrets(text: str, why: str) -> None:
    with pytest.raises(ServerError, match=why) as caught:
        parse_address(text)

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "headers", [{"X-A": f"{TOKEN}\r\nX-B: c"}, {"X A": TOKEN}, {"": TOKEN}, {"X-A": f"{TOKEN}\xe9"}]
)
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ServerError, match="a header for the server at http://host/") as caught:
        ServerAddress("http://host/", headers=headers)

    assert TOKEN not in str(caught.value)


def test_an_address_shows_none_of_its_secrets() -> None:
    address = ServerAddress(
        "http://host/", TOKEN, TOKEN, headers={"X-A": TOKEN}, client_key=f"/{TOKEN}"
    )

    assert TOKEN not in f"{address} {address!r}"


def test_addresses_can_be_keys() -> None:
    address = ServerAddress("http://host/", headers={"X-A": "b"})

    assert {address: 1}[ServerAddress("http://host/", headers={"X-A": "b"})] == 1


URL_PARTS = st.sampled_from(
    [
        *("http://", "https://", "http+unix://", "//", "/", ":", "@", "[", "]", "%", "%00", "?"),
        *("#", "&", "user", "hub", "lab", "token=", "::1", "8888", "~", "\u2100", "\ud800"),
        *("\uff0e", "é", "..", ";", "%80"),
    ]
)


@given(st.lists(URL_PARTS | st.text(max_size=3), max_size=8).map("".join))
def test_whatever_is_pasted_is_an_address_or_our_error(text: str) -> None:
    with contextlib.suppress(ServerError, httpx.InvalidURL):
        assert httpx.URL(parse_address(f"{text}?token={TOKEN}").url).path.endswith("/")
