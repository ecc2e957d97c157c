"""The protocol between a dashboard and `kerneltui agent`: JSON objects, one in each line.

The agent begins with a greeting, which tells the version of the protocol. Each request of the
dashboard has an "id" and gets one reply, {"id", "result"} or {"id", "error"}. All else that the
agent sends is news: what has changed, with the agent's time ("now"). News that may be large have a
"number", which the dashboard sends back once it has seen them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kerneltui.fleet.engines.ssh.codec import Unusable, decode, mapping
from kerneltui.frozen import frozen

PROTOCOL = 3
MAX_LINE = 8_000_000  # bytes
HEARTBEAT = 4.0  # seconds after which either side says that it is there, if nothing else
CHUNK = 65_536  # bytes read at a time


@frozen
class Greeting:
    """The agent's first line."""

    protocol: int
    kerneltui: str
    """The version of kerneltui there."""
    host: str
    now: float
    """The instant there."""


def pack(message: Mapping[str, object]) -> bytes:
    """Return a message as a line."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """Return the message that a line is. Raises Unusable."""
    try:
        return mapping(json.loads(line))
    except (ValueError, RecursionError):
        raise Unusable("a line is not a JSON object") from None


class LineBuffer:
    """Cuts what has come into lines."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that `data` completes. Raises Unusable if one is too long."""
        *ended, rest = data.split(b"\n")
        for end in ended:
            self._add(end)
            line, self._pieces, self._size = b"".join(self._pieces), [], 0
            yield line
        self._add(rest)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise Unusable(f"a line has more than {self._limit:,} bytes")
        if piece:
            self._pieces.append(piece)


def greeting_in(line: bytes) -> Greeting | None:
    """Return the greeting that a line is; None for any other line."""
    try:
        message = unpack(line)
        return decode(Greeting, message["greeting"]) if "greeting" in message else None
    except Unusable:
        return None


def version_problem(greeting: Greeting, version: str) -> str:
    """Return why the two sides do not understand each other; "" if they do.

    `version`: of kerneltui here.
    """
    if greeting.protocol == PROTOCOL:
        return ""
    there, here = greeting.kerneltui, version
    if greeting.protocol < PROTOCOL:
        return f"kerneltui {there} on {greeting.host} is older than {here} here: update it there"
    return f"kerneltui {here} here is older than {there} on {greeting.host}: update it here"
