"""ServerAddress: where a Jupyter server or a gateway is, and how to log in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from kerneltui.errors import ServerError
from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

TIMEOUT = 10.0  # seconds for a whole request
_UNIX = "http+unix"
_FRONT_ENDS = frozenset(
    {"api", "consoles", "doc", "edit", "files", "lab", "login", "nbclassic", "notebooks"}
    | {"retro", "terminals", "tree", "view", "voila"}
)
"""The first parts of the paths of front ends' pages, which follow the server's base URL."""
_HUB_PAGES = frozenset(
    ("hub", page)
    for page in ("", "admin", "api", "home", "login", "spawn", "token", "user-redirect")
)
_TLS_PORTS = frozenset({443, 8443})
_WORD = re.compile(r"[!-~]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[ -~\t]*")
_REFUSED = re.compile(r"[\s\x00-\x1f\x7f\\\ud800-\udfff]")


@frozen
class ServerAddress:
    """Where a Jupyter server or a gateway is, and how to log in.

    Raises ServerError if the token or a header could not be sent as it is.
    """

    url: str
    """Its base URL, of http or https; ends with "/"."""
    token: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    """Used if there is no token."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """Sent with every request, for proxies that want more than the server does."""
    ca_file: str = ""
    """The certificates of the authorities to trust, in PEM; "" for the system's."""
    client_certificate: str = ""
    client_key: str = field(default="", repr=False)
    """The path of the certificate's key; "" if both are in one file."""
    timeout: float = TIMEOUT
    """Seconds that a whole request may take."""
    unix_socket: str = ""
    """The path of the socket that it listens at; "" over tcp."""

    def __post_init__(self) -> None:
        if "\0" in self.unix_socket:
            raise _unusable("the path of its unix socket has a NUL character")
        if not is_one_word(self.token):
            raise ServerError(f"the token of {self} is not one word of ASCII characters")
        for name, value in self.headers.items():
            if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
                raise ServerError(
                    f"a header for {self} cannot be sent: {clean_line(name)!r} or its value has"
                    " characters that no header may have"
                )

    def __str__(self) -> str:
        return f"the server at {clean_line(self.unix_socket or self.url)}"


def is_one_word(token: str) -> bool:
    """Tell whether a token can be sent in a header as it is."""
    return _WORD.fullmatch(token) is not None


def parse_address(text: str) -> ServerAddress:
    """Return the server of a URL as a user copies it from a browser or a terminal.

    `text`: a URL with or without its scheme, page, token and fragment; or the path of a unix
    socket. Raises ServerError, which does not show the token.
    """
    text = text.strip()
    if text.startswith(("/", "~")):
        return ServerAddress("http://localhost/", unix_socket=_expanded(text))
    parts = _split(text)
    token = next(iter(_query(parts.query).get("token", ())), "")
    base = _base_path(parts.path)
    if parts.scheme == _UNIX:
        return ServerAddress(f"http://localhost{base}", token, unix_socket=unquote(parts.netloc))
    return ServerAddress(f"{parts.scheme}://{parts.netloc.lower()}{base}", token)


def _expanded(path: str) -> str:
    try:
        return str(Path(path).expanduser())
    except (RuntimeError, ValueError):
        raise _unusable("the home that '~' stands for is not known") from None


def _split(text: str) -> SplitResult:
    """Return the parts of a URL; its scheme is guessed if it has none. Raises ServerError."""
    if not text or _REFUSED.search(text):
        raise _unusable("it is empty, or has blanks or control characters")
    try:
        parts = urlsplit(text if "://" in text.partition("?")[0] else f"//{text}")
        port, host = parts.port, parts.hostname
    except ValueError:
        raise _unusable("its host or its port is malformed") from None
    scheme = parts.scheme or _guessed_scheme(host or "", port)
    if scheme not in ("http", "https", _UNIX):
        raise _unusable(f"its scheme {clean_line(scheme, 20)!r} is not http or https")
    if "@" in parts.netloc:
        raise _unusable("it has a user name before its host; give the password as an option")
    if not host:
        raise _unusable("it has no host")
    return parts._replace(scheme=scheme)


def _query(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(query)
    except ValueError:
        raise _unusable("its query is malformed") from None


def _guessed_scheme(host: str, port: int | None) -> str:
    """Return http for a server that a user started by hand, https for one behind a front door."""
    is_local = host == "localhost" or host.startswith("127.") or host == "::1"
    return "https" if port in _TLS_PORTS or (port is None and not is_local) else "http"


def _base_path(path: str) -> str:
    """Return the beginning of a page's path that is the server's base URL."""
    kept = "/".join(_base_parts(path.split("/")))
    return f"/{kept}/" if kept else "/"


def _base_parts(parts: list[str]) -> Iterator[str]:
    parts = [part for part in parts if part]
    if "user" in parts:  # JupyterHub's: user/NAME, whatever the name
        start = parts.index("user")
        yield from parts[: start - 1 if parts[start - 1 : start] == ["hub"] else start]
        yield from parts[start : start + 2]
        parts = parts[start + 2 :]
    elif not _HUB_PAGES.isdisjoint(zip(parts, [*parts[1:], ""], strict=False)):
        raise _unusable("it is a page of JupyterHub; a server's address there ends with user/NAME/")
    for part in parts:
        if part in _FRONT_ENDS:
            return
        yield part


def _unusable(why: str) -> ServerError:
    return ServerError(
        f"the address of a Jupyter server cannot be used: {why}; it looks like"
        " http://localhost:8888/?token=..."
    )
