"""Open the websocket of a kernel, and say in plain words why one failed or ended.

Rule: nothing here shows an address or a header that we have sent: they may carry a token.
"""

from __future__ import annotations

import logging
import os
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    WebSocketException,
)
from websockets.typing import Subprotocol

from kerneltui.errors import LoginRefused, ServerError, ServerRefused, ServerUnreachable
from kerneltui.protocol.text import clean_line
from kerneltui.protocol.websocket_frames import V1

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.exchange import WebsocketPlace

MAX_FRAME = 256 * 1024 * 1024  # bytes of one message
OPEN_TIMEOUT = 90.0  # seconds; a server may wait 60 for the kernel before it answers
PING_INTERVAL, PING_TIMEOUT = 10.0, 10.0  # seconds
CLOSE_TIMEOUT = 1.0  # seconds for the server to say goodbye
NO_SERVER_YET = 424  # a hub whose user has not started the server
PASSING = frozenset({408, NO_SERVER_YET, 425, 429})  # below 500, and it may be another one later
WANTS_LOGIN = frozenset({401, 403, *range(300, 400)})  # a redirect leads to a login page
_TOO_BIG, _PING_FAILED = 1009, 1011  # close codes of the protocol
_silent = logging.Logger("websockets", logging.CRITICAL)  # the library's would log our headers


class _Connect(connect):
    """A redirect is never followed: our secrets are for this place."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def open_websocket(place: WebsocketPlace, *, offers_v1: bool = True) -> ClientConnection:
    """Return an open websocket. Raises ServerError; see `is_final`.

    `offers_v1`: whether the server may choose those frames; if not, only the older ones are left.
    """
    try:
        return await _Connect(
            place.uri,
            additional_headers=place.headers,
            subprotocols=[Subprotocol(V1)] if offers_v1 else None,
            open_timeout=OPEN_TIMEOUT,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            max_size=MAX_FRAME,
            logger=_silent,
            **_transport(place),
        )
    except InvalidStatus as error:
        raise _refusal(error.response.status_code) from None
    except OSError as error:
        raise _failure(error) from None
    except InvalidHandshake as error:
        raise ServerUnreachable(f"no websocket is there: {type(error).__name__}") from None
    except (WebSocketException, ImportError) as error:  # of the address or the proxy
        raise ServerError(f"its address cannot be used: {type(error).__name__}") from None


def is_final(error: ServerError) -> bool:
    """Tell whether asking the server again would be of no use."""
    if isinstance(error, ServerRefused):
        return error.status in range(400, 500) and error.status not in PASSING
    return not isinstance(error, ServerUnreachable)


def _transport(place: WebsocketPlace) -> dict[str, Any]:
    """Return the arguments that say how the server is reached."""
    if place.unix_socket:
        return {"unix": True, "path": place.unix_socket}
    return {} if place.tls is None else {"ssl": place.tls}


def _refusal(status: int) -> ServerError:
    """Return the error for an HTTP status in place of a websocket."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = ""
    shown = f"{status} {reason}".strip()
    if status in WANTS_LOGIN:
        return LoginRefused(f"the server refused the websocket ({shown}): is the token right?")
    if status == HTTPStatus.NOT_FOUND:
        return ServerRefused("the server does not have this kernel any more", status, reason)
    return ServerRefused(f"the server answered {shown} instead of a websocket", status, reason)


def _failure(error: OSError) -> ServerError:
    """Return our error for one of the network, or of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = clean_line(error.verify_message)
        return ServerError(f"the server's certificate is not trusted: {why}")
    if isinstance(error, TimeoutError):
        return ServerUnreachable(f"the server did not answer in {OPEN_TIMEOUT:g} s")
    # asyncio writes the address, and no reason, into the error's own text.
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    return ServerUnreachable(f"cannot connect to the server: {why}")


def describe_end(error: ConnectionClosed) -> str:
    """Return why an open websocket ended."""
    sent, received = error.sent, error.rcvd
    if sent is not None and sent.code == _TOO_BIG:
        return f"a message was larger than {MAX_FRAME // 2**20} MB"
    if sent is not None and sent.code == _PING_FAILED and received is None:
        return f"the server was not heard for {PING_TIMEOUT:g} s"
    if received is None:
        return "the connection broke"
    reason = clean_line(received.reason)
    return f"the server closed it ({received.code}{f': {reason}' if reason else ''})"
