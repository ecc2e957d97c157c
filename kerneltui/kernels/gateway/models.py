"""What a Jupyter server tells over REST, as plain data.

Rule: nothing here raises. A field of an unexpected shape counts as missing; whatever has no id, or
one that could not be part of a URL, is left out.
Texts are those of the server, not cleaned: clean them where they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from kerneltui.frozen import frozen
from kerneltui.protocol.fields import Fields, mapping, text, whole
from kerneltui.protocol.status import KernelState

MAX_TEXT = 4_000  # characters: the longest path that Linux allows is about that
MAX_WORD = 200
MAX_ITEMS = 10_000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
_COUNTS = range(1_000_000)


@frozen
class KernelModel:
    """A kernel of a server."""

    id: str
    name: str
    """The name of its kernelspec."""
    state: str
    """Its execution_state, a word of KernelState; "" for any other."""
    connections: int
    """How many websockets are open to it."""
    last_activity: float | None
    """Seconds since the epoch; None if it is not told."""
    reason: str
    """Why it does not run; "" if it does, and from most servers."""


@frozen
class SessionModel:
    """What connects a notebook or a console with its kernel."""

    id: str
    path: str
    """The notebook's path below the server's root folder; of a console, a made-up one."""
    name: str
    type: str
    """"notebook", "console", or a word of an extension."""
    kernel: KernelModel | None


@frozen
class SpecModel:
    """A kernelspec of a server."""

    name: str
    display_name: str
    language: str


def kernel_model(value: object) -> KernelModel | None:
    fields = _fields(value)
    if not _ID.fullmatch(kernel_id := text(fields, "id")):
        return None
    state = text(fields, "execution_state")
    return KernelModel(
        id=kernel_id,
        name=text(fields, "name", limit=MAX_TEXT),
        state=state if state in set(KernelState) else "",
        connections=whole(fields, "connections", within=_COUNTS),
        last_activity=_time(text(fields, "last_activity", limit=MAX_WORD)),
        reason=text(fields, "reason", limit=MAX_TEXT),
    )


def kernel_models(value: object) -> tuple[KernelModel, ...]:
    return tuple(filter(None, map(kernel_model, _items(value))))


def session_model(value: object) -> SessionModel | None:
    fields = _fields(value)
    if not _ID.fullmatch(session_id := text(fields, "id")):
        return None
    return SessionModel(
        id=session_id,
        path=text(fields, "path", limit=MAX_TEXT),
        name=text(fields, "name", limit=MAX_TEXT),
        type=text(fields, "type", limit=MAX_WORD),
        kernel=kernel_model(fields.get("kernel")),
    )


def session_models(value: object) -> tuple[SessionModel, ...]:
    return tuple(filter(None, map(session_model, _items(value))))


def spec_models(value: object) -> tuple[SpecModel, ...]:
    """Return kernelspecs, sorted by name."""
    found = _specs(mapping(_fields(value), "kernelspecs"))
    return tuple(sorted(found, key=lambda spec: spec.name))


def _specs(told: Fields) -> Iterator[SpecModel]:
    for name, entry in list(told.items())[:MAX_ITEMS]:
        spec = mapping(_fields(entry), "spec")
        yield SpecModel(
            name=name[:MAX_TEXT],
            display_name=text(spec, "display_name", name, limit=MAX_TEXT)[:MAX_TEXT],
            language=text(spec, "language", limit=MAX_WORD),
        )


def _fields(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return value[:MAX_ITEMS] if isinstance(value, list) else []


def _time(told: str) -> float | None:
    try:
        return datetime.fromisoformat(told).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
