"""Exchange: requests to one server in one event loop, with what they need of logins."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import field, replace
from typing import NamedTuple

from kerneltui.errors import ServerError, ServerRefused
from kerneltui.frozen import frozen
from kerneltui.kernels.gateway.answer import HUB_USER, Answer, Meaning, encrypted_twin
from kerneltui.kernels.gateway.http_client import HttpClient
from kerneltui.kernels.gateway.login import Login
from kerneltui.kernels.gateway.rest_paths import SPECS, UNTRACKED, VERSION
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.protocol.text import clean_line

_FOR_USERS = f"{SPECS}{UNTRACKED}"  # what whoever is logged in may ask


@frozen
class WebsocketPlace:
    """How to open a websocket of a server."""

    uri: str
    headers: dict[str, str] = field(repr=False, hash=False)
    tls: ssl.SSLContext | None = field(repr=False)
    """How to encrypt; None for ws."""
    unix_socket: str
    """The path of the socket to connect to; "" over tcp."""


class _Opened(NamedTuple):
    """The server as it was found: perhaps at https where the address says http."""

    address: ServerAddress
    client: HttpClient
    login: Login


class Exchange:
    """Requests to one server in one event loop. Whoever awaits them sets a timeout for all."""

    def __init__(self, address: ServerAddress, renew: Callable[[], str] | None) -> None:
        self._address = address
        self._renew = renew
        self._turn = asyncio.Lock()
        self._opened: _Opened | None = None

    async def ask(self, method: str, path: str, content: bytes) -> Answer:
        """Return a good answer. Raises ServerError."""
        opened = await self._open()
        login = opened.login
        await login.begin()
        count = login.count
        answer = await _send(opened, method, path, content)
        if await _wants_login(opened, path, answer):
            await login.again(count, answer)
            answer = await _send(opened, method, path, content)
            if await _wants_login(opened, path, answer):
                raise login.refusal(answer)
        if answer.meaning() is not Meaning.DONE:
            raise _error(opened, answer, f"{method} {path.partition('?')[0]}")
        return answer

    async def websocket(self, path: str) -> WebsocketPlace:
        """Return how to open a websocket as who is logged in. Raises ServerError."""
        address, client, login = await self._open()
        await login.begin()
        headers = login.headers("GET")
        if cookies := client.cookie_header(path):
            headers["Cookie"] = cookies
        uri = f"ws{address.url.removeprefix('http')}{path}"
        return WebsocketPlace(uri, headers, client.tls, address.unix_socket)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.client.close()

    async def _open(self) -> _Opened:
        async with self._turn:
            if self._opened is None:
                self._opened = await self._find()
            return self._opened

    async def _find(self) -> _Opened:
        """Return the server, at https if it answers so to a first request without secrets."""
        address, client = self._address, HttpClient(self._address)
        if client.tls is None and not address.unix_socket:
            try:
                twin = encrypted_twin(await client.send("GET", VERSION, {}))
            except BaseException:
                await client.close()
                raise
            if twin is not None:
                await client.close()
                address = replace(address, url=twin.removesuffix(VERSION))
                client = HttpClient(address)
        return _Opened(address, client, Login(address, client, self._renew))


async def _send(opened: _Opened, method: str, path: str, content: bytes) -> Answer:
    headers = opened.login.headers(method)
    if content:
        headers["Content-Type"] = "application/json"
    return await opened.client.send(method, path, headers, content)


async def _wants_login(opened: _Opened, path: str, answer: Answer) -> bool:
    """Tell whether an answer wants a login, if need be by whether others do too."""
    meaning = answer.meaning()
    if meaning is not Meaning.PERHAPS_LOGIN:
        return meaning is Meaning.LOGIN
    if path == _FOR_USERS:
        return True
    probe = await _send(opened, "GET", _FOR_USERS, b"")
    return probe.meaning() in (Meaning.LOGIN, Meaning.PERHAPS_LOGIN)


def _error(opened: _Opened, answer: Answer, what: str) -> ServerError:
    address, login = opened.address, opened.login
    reason = login.explain(answer)
    if answer.meaning() is Meaning.NOT_RUNNING:
        where = clean_line(address.url)
        if HUB_USER in where:
            told = f"JupyterHub has no running server at {where}: start it on the hub's page"
        else:
            told = f"{where} is JupyterHub itself; a user's server there is at user/NAME/"
        return ServerRefused(f"{told} ({answer.status} {reason})", answer.status, reason)
    if answer.meaning() is Meaning.ELSEWHERE:
        return ServerRefused(
            f"{address} redirects {what} to {_host(opened, answer)}, which was not followed; if"
            " that is the server, give its address",
            answer.status,
            "",
        )
    return ServerRefused(
        f"{address} refused {what} with {answer.status}: {reason}", answer.status, reason
    )


def _host(opened: _Opened, answer: Answer) -> str:
    """Return where a redirect leads: no path and no query, which may hold secrets."""
    try:
        target = answer.target
        return clean_line(opened.login.hide(f"{target.scheme}://{target.hostname}"), 100)
    except ValueError:
        return "a malformed address"
