"""The parts of a message as JSON; other types are written as jupyter_client writes them."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from numbers import Integral, Real
from typing import Any


def to_json(value: object) -> bytes:
    """Return UTF-8 JSON.

    A date becomes ISO 8601, bytes become base64, an iterable becomes a list, and a number that is
    not finite becomes its name. Raises TypeError for other objects. Raises ValueError if two keys
    are the same as text, or if the value nests too deep.
    """
    try:
        text = _encode(value)
    except (TypeError, ValueError):  # seldom needed: it walks through the whole value
        text = _encode(_cleaned_whole(value))
    return text.encode("utf-8", "surrogateescape")


def _default(value: object) -> Any:
    """Return a JSON value for an object of a type that JSON does not have."""
    if isinstance(value, datetime):
        text = (value if value.tzinfo else value.astimezone()).isoformat()
        return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(value).decode("ascii")
    if isinstance(value, Iterable):
        return list(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"a message cannot carry a {type(value).__name__}")


def _cleaned_whole(value: object) -> Any:
    try:
        return _cleaned(value)
    except RecursionError:
        pass
    raise ValueError("a message cannot carry what nests too deep, or is in itself")


def _cleaned(value: object) -> Any:
    """Return a copy whose keys are strings and whose numbers are finite."""
    if isinstance(value, Mapping):
        cleaned = {str(key): _cleaned(each) for key, each in value.items()}
        if len(cleaned) != len(value):
            raise ValueError("a message cannot carry two keys that are the same as text")
        return cleaned
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(float(value))
    if value is None or isinstance(value, str | int):
        return value
    return _cleaned(_default(value))


def _repeatable(value: object) -> Any:
    """Do as `_default`, but refuse an iterator: it can be read once, and twice may be needed."""
    if isinstance(value, Iterator):
        raise TypeError("an iterator is cleaned once")
    return _default(value)


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_repeatable
).encode
