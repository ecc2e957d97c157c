"""What a message carries, as JSON; what JSON cannot say is written as the field writes it."""

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

    Dates become ISO 8601, bytes base64, what can be iterated over a list, and a number that is
    not finite its name. Raises TypeError for other objects, and ValueError for keys that are
    the same as text.
    """
    try:
        text = _encode(value)
    except (TypeError, ValueError):  # seldom: only then it is worth to look at all of it
        text = _encode(_cleaned_whole(value))
    return text.encode("utf-8", "surrogateescape")


def _default(value: object) -> Any:
    """Return something that JSON knows for what it does not."""
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
    """Return a copy with keys that are texts, and numbers that are finite."""
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
    """Do as `_default`, but for what is used up by it: all may yet be looked at once more."""
    if isinstance(value, Iterator):
        raise TypeError("an iterator is cleaned once")
    return _default(value)


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_repeatable
).encode
