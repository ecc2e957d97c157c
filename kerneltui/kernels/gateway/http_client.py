"""HttpClient: requests to one server by httpx, bounded in size; it never follows a redirect."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from kerneltui.errors import ServerError, ServerUnreachable
from kerneltui.kernels.gateway.answer import Answer
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.tls import tls_context
from kerneltui.protocol.text import clean_line

MAX_ANSWER = 10_000_000  # bytes; parsed, they may take twenty times as much memory
MAX_COOKIES = 50
CONNECT_SHARE = 0.4  # of the timeout, for connecting, and again for the start of encryption
KEPT_OPEN = 30.0  # seconds that an idle connection is kept for the next look
XSRF = "_xsrf"
_PLAIN = "; is its address http:// instead of https://?"
_SECURE = "; is its address https:// instead of http://?"
_VERSION_MIX_UP = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})


class HttpClient:
    """Requests to one server, in one event loop.

    Only connecting has a timeout here: the caller has to set one for all that it does.
    """

    def __init__(self, address: ServerAddress) -> None:
        """Raises ServerError for an unusable URL, certificate or proxy of the environment."""
        self._address = address
        try:
            httpx.URL(address.url)
        except httpx.InvalidURL:
            raise ServerError(f"{address} cannot be asked: its URL is malformed") from None
        self.tls = tls_context(address)
        unix = address.unix_socket
        try:
            self._client = httpx.AsyncClient(
                verify=self.tls if self.tls is not None else False,
                limits=httpx.Limits(keepalive_expiry=KEPT_OPEN),
                transport=httpx.AsyncHTTPTransport(uds=unix) if unix else None,
                # Only this one: a cancelled handshake would leave its socket to the collector.
                timeout=httpx.Timeout(None, connect=CONNECT_SHARE * address.timeout),
                follow_redirects=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "kerneltui"},
            )
        except (ValueError, ImportError, httpx.InvalidURL):
            raise ServerError(
                "a proxy that the environment names (HTTPS_PROXY, ALL_PROXY, ...) cannot be used;"
                " one of SOCKS needs httpx[socks]"
            ) from None

    async def close(self) -> None:
        await self._client.aclose()

    async def send(
        self, method: str, path: str, headers: dict[str, str], content: bytes = b""
    ) -> Answer:
        """Return the answer to a request; `path` is relative to the server's base URL.

        Raises ServerUnreachable, or ServerError for an endless answer.
        """
        url = self._address.url + path
        try:
            async with self._client.stream(method, url, headers=headers, content=content) as got:
                return Answer(
                    url=url,
                    status=got.status_code,
                    phrase=got.reason_phrase,
                    kind=got.headers.get("Content-Type", "").partition(";")[0],
                    location=got.headers.get("Location", ""),
                    body=await self._bounded(got),
                )
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise ServerUnreachable(
                f"{self._address} cannot be asked: {_why(error, self._address)}"
            ) from None
        finally:
            if len(self._client.cookies) > MAX_COOKIES:
                self._client.cookies.clear()

    async def _bounded(self, got: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in got.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER:
                raise ServerError(
                    f"{self._address} answered with more than {MAX_ANSWER // 1_000_000} MB"
                )
        return bytes(body)

    # -- cookies ----

    def xsrf(self) -> str:
        """Return the cookie that has to be sent as a header too, to show that we can read it.

        Without one of the server, any value does.
        """
        found = (each.value for each in self._client.cookies.jar if each.name == XSRF)
        if value := next(filter(None, found), None):
            return value
        made = secrets.token_hex(16)
        base = self._address.url
        cookie = {"Set-Cookie": f"{XSRF}={made}; Path={urlsplit(base).path}"}
        as_if_told = httpx.Response(200, headers=cookie, request=httpx.Request("GET", base))
        self._client.cookies.extract_cookies(as_if_told)
        return made

    def cookie_header(self, path: str) -> str:
        """Return the cookies to send to a path below the base URL; "" if there are none."""
        request = httpx.Request("GET", self._address.url + path)
        self._client.cookies.set_cookie_header(request)
        header: str = request.headers.get("Cookie", "")
        return header

    def cookie_values(self) -> list[str]:
        return [each.value for each in self._client.cookies.jar if each.value]

    def forget_cookies(self) -> None:
        self._client.cookies.clear()


# -- why a request failed ----


def _why(error: Exception, address: ServerAddress) -> str:
    """Return in a few words why there is no answer. httpx's own words are seldom of use."""
    secure = address.url.startswith("https:")
    if isinstance(error, httpx.ConnectTimeout):
        hint = _PLAIN if secure else ""
        return f"no connection within {CONNECT_SHARE * address.timeout:g} s{hint}"
    for cause in sorted(_causes(error), key=lambda each: not isinstance(each, ssl.SSLError)):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate cannot be verified ({clean_line(cause.verify_message)}); the"
                " option ca_file names the certificates of authorities to trust"
            )
        if isinstance(cause, ssl.SSLError):
            hint = _PLAIN if cause.reason in _VERSION_MIX_UP else ""
            return f"encryption failed ({clean_line(cause.reason or 'no reason')}){hint}"
        if isinstance(cause, socket.gaierror):
            return f"no address is known for its name ({cause.strerror})"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
    if isinstance(error, httpx.RemoteProtocolError):
        return f"what it sent is not a whole HTTP answer{'' if secure else _SECURE}"
    # The text of other errors than this may show a header.
    return clean_line(str(error) if isinstance(error, httpx.ConnectError) else type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that it came from, the error first."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
