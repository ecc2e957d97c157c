"""The address of a server as the library wants it, from the user's settings."""

from __future__ import annotations

from dataclasses import replace

from kerneltui.errors import KernelError, LoginRefused
from kerneltui.fleet.engines.secrets import password_of
from kerneltui.fleet.engines.settings import ServerSettings
from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server import (
    TIMEOUT,
    ServerAddress,
    is_one_word,
    parse_address,
)
from kerneltui.kernels.gateway.server_session import ServerSession
from kerneltui.typed_paths import typed_path


def address_of(server: ServerSettings) -> ServerAddress:
    """Return where a server is, without a token that has to be looked up. Raises KernelError."""
    given = parse_address(server.url)
    return replace(
        given,
        token=server.token or given.token,
        password=password_of(server),
        headers=server.headers,
        ca_file=_path(server.ca_file),
        client_certificate=_path(server.client_certificate),
        client_key=_path(server.client_key),
        timeout=server.timeout or TIMEOUT,
    )


def with_secret(address: ServerAddress, secret: str) -> ServerAddress:
    """Return an address with what a person has typed: its token, or else its password. Blocking."""
    by_password = replace(address, token="", password=secret)
    if not is_one_word(secret):
        return by_password
    by_token = replace(address, token=secret)
    with ServerSession(by_token) as session:
        try:
            GatewayApi(session).specs()  # every server tells them who is logged in, and no other
        except LoginRefused:
            return by_password
        except KernelError:  # the engine will tell it
            pass
    return by_token


def _path(text: str) -> str:
    return str(typed_path(text)) if text else ""
