"""Answer: what a server answered to a request, and what that means.

Rule: an answer is data; nothing here sends anything. Texts of the server are cleaned here.
"""

from __future__ import annotations

import json
from dataclasses import field
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from urllib.parse import SplitResult

HUB_USER = "/user/"
"""What the URL of a user's server at a JupyterHub has in it."""
_HUB_HAS_NO_SERVER = frozenset({424, 503})
_DEFAULT_PORTS: dict[str, int | None] = {"http": 80, "https": 443}


class Meaning(Enum):
    """What an answer means for who asked."""

    DONE = auto()
    REFUSED = auto()
    LOGIN = auto()
    """It wants a login, or another one."""
    PERHAPS_LOGIN = auto()
    """It wants a login, or does not allow this to anybody."""
    NOT_RUNNING = auto()
    """JupyterHub answered: the user's server does not run."""
    ELSEWHERE = auto()
    """It is a redirect; none is followed."""


@frozen
class Answer:
    """What a server answered to a request."""

    url: str
    """The URL that was asked."""
    status: int
    phrase: str
    """The words after the status."""
    kind: str
    """The content's media type."""
    location: str = field(repr=False)
    """Where it redirects to; it may hold secrets."""
    body: bytes = field(repr=False)

    @property
    def target(self) -> SplitResult:
        """The URL that it redirects to. Raises ValueError."""
        return urlsplit(urljoin(self.url, self.location))

    def meaning(self) -> Meaning:
        if 300 <= self.status < 400:
            return self._meaning_of_redirect()
        if self.status in _HUB_HAS_NO_SERVER and HUB_USER in self.url:
            return Meaning.NOT_RUNNING
        if self.status == 401 or (self.status == 403 and "_xsrf" in self.reason()):
            return Meaning.LOGIN
        if self.status == 403:
            return Meaning.PERHAPS_LOGIN
        return Meaning.REFUSED if self.status >= 400 else Meaning.DONE

    def _meaning_of_redirect(self) -> Meaning:
        try:
            target, asked = self.target, urlsplit(self.url)
            is_here = origin(target) == origin(asked)
        except ValueError:
            return Meaning.ELSEWHERE
        parts = target.path.split("/")
        if is_here and (parts[-1] == "login" or "oauth2" in parts):
            return Meaning.LOGIN
        return Meaning.NOT_RUNNING if is_here and "hub" in parts else Meaning.ELSEWHERE

    def reason(self) -> str:
        """Return why the server refused, in its words, as one clean line; may be ""."""
        told = self._told()
        words = [told.get("message"), told.get("reason"), told.get("short_message"), self.phrase]
        return next((clean_line(word) for word in words if isinstance(word, str) and word), "")

    def _told(self) -> dict[str, object]:
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}


def origin(url: SplitResult) -> tuple[str, str, int | None]:
    """Return scheme, host and port. Raises ValueError."""
    return url.scheme, url.hostname or "", url.port or _DEFAULT_PORTS.get(url.scheme)


def encrypted_twin(answer: Answer) -> str | None:
    """Return the base URL that a server answered instead of an unencrypted one, if it did so.

    Only the scheme may differ, and a default port.
    """
    if not 300 <= answer.status < 400:
        return None
    try:
        target, asked = answer.target, urlsplit(answer.url)
        ports = {"http": origin(asked)[2], "https": origin(target)[2]}
        same_port = target.port == asked.port or ports == _DEFAULT_PORTS
    except ValueError:
        return None
    same = target.hostname == asked.hostname and target.path.rstrip("/") == asked.path.rstrip("/")
    if target.scheme != "https" or "@" in target.netloc or not (same and same_port):
        return None
    return f"https://{target.netloc}{asked.path}"
