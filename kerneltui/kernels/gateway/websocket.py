"""Open the websocket of a kernel, and say in plain words why one failed or ended.

Rule: nothing here shows an address or a header that we have sent: they may carry a token.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from kerneltui.errors import KernelError
from kerneltui.protocol.text import clean_line
from kerneltui.protocol.websocket_frames import V1

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed

MAX_FRAME = 256 * 1024 * 1024  # bytes of one message
OPEN_TIMEOUT = 90.0  # seconds; a server may wait 60 for the kernel before it answers
PING_INTERVAL, PING_TIMEOUT = 10.0, 10.0  # seconds
CLOSE_TIMEOUT = 1.0  # seconds for the server to say goodbye
PASSING = frozenset({408, 425, 429})  # statuses below 500 that may be another one later
NEEDED = "kernels of Jupyter servers need httpx and websockets: pip install 'kerneltui[remote]'"
_TOO_BIG, _PING_FAILED = 1009, 1011  # close codes of the protocol
_silent = logging.Logger("websockets", logging.CRITICAL)  # the library's would log our headers


class WebsocketPlace(Protocol):
    """Where a websocket is, and what opens it."""

    @property
    def uri(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def ssl(self) -> ssl.SSLContext | None: ...

    @property
    def unix_socket(self) -> str | None: ...


class WebsocketServer(Protocol):
    """A server that we are logged in at."""

    def websocket(self, path: str) -> WebsocketPlace:
        """Return what opens the websocket at a path under the server's base; it may block.

        Raises KernelError.
        """


class LinkRefused(KernelError):
    """The server will not open the websocket; asking again does not help."""


class LinkFailed(KernelError):
    """The websocket did not open this time."""


async def open_websocket(place: WebsocketPlace) -> ClientConnection:
    """Return an open websocket. Raises LinkRefused or LinkFailed."""
    try:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
        from websockets.typing import Subprotocol
    except ImportError:
        raise LinkRefused(NEEDED) from None

    class Connect(connect):
        def process_redirect(self, exc: Exception) -> Exception:
            return exc  # a redirect leads to a login page, or to where no secret should go

    try:
        return await Connect(
            place.uri,
            additional_headers=dict(place.headers),
            subprotocols=[Subprotocol(V1)],
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
        raise LinkFailed(f"no websocket there: {type(error).__name__}") from None
    except (WebSocketException, ImportError) as error:  # of the address or the proxy
        raise LinkRefused(f"cannot be connected to: {type(error).__name__}") from None


def _transport(place: WebsocketPlace) -> dict[str, Any]:
    """Return the arguments that say how the server is reached."""
    if place.unix_socket is not None:
        return {"unix": True, "path": place.unix_socket}
    return {} if place.ssl is None else {"ssl": place.ssl}


def _failure(error: OSError) -> KernelError:
    """Return our error for one of the network, or of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = clean_line(error.verify_message)
        return LinkRefused(f"the server's certificate is not trusted: {why}")
    if isinstance(error, TimeoutError):
        return LinkFailed(f"no answer in {OPEN_TIMEOUT:g} s")
    return LinkFailed(clean_line(error.strerror or type(error).__name__))


def _refusal(status: int) -> KernelError:
    """Return the error for an HTTP status in place of a websocket."""
    try:
        shown = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        shown = str(status)
    if status == HTTPStatus.NOT_FOUND:
        return LinkRefused("the server has no such kernel (any more)")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return LinkRefused(f"the server refused us ({shown}): check the token or the password")
    if status in range(300, 400):
        return LinkRefused(
            f"the server sent us elsewhere ({shown}): check the URL, or log in again"
        )
    if status in range(400, 500) and status not in PASSING:
        return LinkRefused(f"the server refused the websocket ({shown})")
    return LinkFailed(f"the server answered {shown}")


def describe_end(error: ConnectionClosed) -> str:
    """Return why an open websocket ended."""
    sent, received = error.sent, error.rcvd
    if sent is not None and sent.code == _TOO_BIG:
        return f"a message was larger than {MAX_FRAME // 2**20} MB"
    if sent is not None and sent.code == _PING_FAILED and received is None:
        return f"no sign of the server for {PING_TIMEOUT:g} s"
    if received is None:
        return "the connection broke"
    reason = clean_line(received.reason)
    return f"the server closed it ({received.code}{f': {reason}' if reason else ''})"
