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
    not finite becomes its name. Keys become text; a reader gets the last of those that are the
    same then. Raises TypeError for other objects, and ValueError for what nests too deep.
    """
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError):
        text = _encode_cleaned(value)
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


def _encode_cleaned(value: object) -> str:
    """Do as `_encode`, but walk through the whole value first; that is seldom needed."""
    try:
        return _encode(_cleaned(value))
    except RecursionError:
        pass
    raise ValueError("a message cannot carry what nests too deep, or is in itself")


def _cleaned(value: object) -> Any:
    """Return a copy whose keys are strings and whose numbers are finite."""
    if isinstance(value, Mapping):
        return {str(key): _cleaned(each) for key, each in value.items()}
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
