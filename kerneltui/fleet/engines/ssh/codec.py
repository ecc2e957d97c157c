"""Codec: frozen dataclasses, enums and tuples to JSON and back, by their type hints.

Rule: pure, and strict with what comes from the other side. What has not the shape of its hint is
`Unusable`; unknown fields are ignored and missing ones take their defaults. Every text is one safe
line, and all sizes are bounded.
"""

from __future__ import annotations

import base64
import binascii
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from kerneltui.protocol.text import clean_line

DIGITS = 4  # of a second, a share or another fraction
MAX_TEXT = 20_000  # characters
MAX_ITEMS = 50_000
MAX_WHOLE = 1 << 63

T = TypeVar("T")
Fields = dict[str, Any]


class Unusable(ValueError):
    """What was received has not the shape of what was expected."""


def encode(value: object) -> Any:
    """Return JSON for a value; fields that have their default are left out."""
    match value:
        case Enum() if not isinstance(value, int):
            return value.name
        case None | bool() | str():
            return value
        case int():
            return int(value)  # of a signal, which may be an enum's
        case float():
            return round(value, DIGITS) if math.isfinite(value) else None
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case frozenset():
            return sorted(map(encode, value))
        case Mapping():
            return {key: encode(each) for key, each in value.items()}
        case tuple() if hasattr(value, "_field_defaults"):
            return _named(value)
        case tuple() | list():
            return [encode(each) for each in value]
        case _:
            return {
                name: encode(getattr(value, name))
                for name, default in _defaults(cast(Any, type(value))).items()
                if default is MISSING or getattr(value, name) != default
            }


def _named(value: tuple[Any, ...]) -> list[Any]:
    """Return a named tuple's values as a list, without the defaults at its end."""
    defaults = list(cast(Any, value)._field_defaults.values())
    count = len(value)
    while defaults and value[count - 1] == defaults.pop():
        count -= 1
    return [encode(each) for each in value[:count]]


def decode(hint: type[T], told: object) -> T:
    """Return the value of type `hint` that JSON tells. Raises Unusable."""
    return cast(T, _decoded(hint, told))


def _decoded(hint: Any, told: object) -> Any:
    if hint in _PLAIN:
        return _PLAIN[hint](told)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(get_args(hint), told)
    if origin is Literal:
        return _checked(told, told in get_args(hint))
    if origin in (tuple, frozenset):
        return _items(origin, get_args(hint), told)
    if isinstance(hint, type) and issubclass(hint, Enum):
        found = hint.__members__.get(told) if isinstance(told, str) else None
        return _checked(found, found is not None)
    if isinstance(hint, type) and issubclass(hint, tuple):
        return _named_tuple(hint, told)
    if is_dataclass(hint):
        return _dataclass(hint, told)
    if origin is not None and issubclass(origin, Mapping):
        _, each = get_args(hint)
        return {_text(key): _decoded(each, value) for key, value in mapping(told).items()}
    raise TypeError(f"{hint} cannot be decoded")


def _checked(value: Any, is_right: bool) -> Any:
    if not is_right:
        raise Unusable("a value has another type than expected")
    return value


def mapping(told: object) -> Fields:
    """Return a JSON object. Raises Unusable."""
    return cast(Fields, _checked(told, isinstance(told, dict) and len(told) <= MAX_ITEMS))


def items(told: object) -> list[Any]:
    """Return a JSON list. Raises Unusable."""
    return cast(list[Any], _checked(told, isinstance(told, list) and len(told) <= MAX_ITEMS))


def whole(told: object) -> int:
    """Return a whole number of at most 64 bits. Raises Unusable."""
    is_right = isinstance(told, int) and type(told) is int and -MAX_WHOLE <= told < MAX_WHOLE
    return cast(int, _checked(told, is_right))


def number(told: object) -> float:
    """Return a finite number. Raises Unusable."""
    if type(told) is int:
        return float(whole(told))
    return cast(float, _checked(told, isinstance(told, float) and math.isfinite(told)))


def _text(told: object) -> str:
    _checked(told, isinstance(told, str))
    return clean_line(cast(str, told), MAX_TEXT)


def _bytes(told: object) -> bytes:
    try:
        return base64.b64decode(_checked(told, isinstance(told, str)), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("bytes are not base64") from None


_PLAIN: dict[Any, Callable[[object], object]] = {
    str: _text,
    bool: lambda told: _checked(told, isinstance(told, bool)),
    int: whole,
    float: number,
    bytes: _bytes,
    NoneType: lambda told: _checked(told, told is None),
}


def _one_of(hints: tuple[Any, ...], told: object) -> Any:
    """Return the value by the first hint of a union that fits."""
    if told is None:
        return _checked(None, NoneType in hints)
    *others, last = (hint for hint in hints if hint is not NoneType)
    for hint in others:
        try:
            return _decoded(hint, told)
        except Unusable:
            continue
    return _decoded(last, told)


def _items(kind: Any, hints: tuple[Any, ...], told: object) -> Any:
    values = items(told)
    if kind is frozenset:  # of words, of which a newer version may know more
        return frozenset(_known(hints[0], values))
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_decoded(hints[0], each) for each in values)
    _checked(values, len(values) == len(hints))
    return tuple(_decoded(hint, each) for hint, each in zip(hints, values, strict=True))


def _known(hint: Any, values: list[Any]) -> list[Any]:
    known = []
    for each in values:
        try:
            known.append(_decoded(hint, each))
        except Unusable:
            continue
    return known


def _named_tuple(cls: Any, told: object) -> Any:
    values, hints = items(told), _hints(cls)
    needed = len(hints) - len(cls._field_defaults)
    _checked(values, needed <= len(values))
    pairs = zip(hints.values(), values, strict=False)
    return cls(*(_decoded(hint, each) for hint, each in pairs))


def _dataclass(cls: Any, told: object) -> Any:
    values, hints = mapping(told), _hints(cls)
    for name, default in _defaults(cls).items():
        _checked(name, default is not MISSING or name in values)
    return cls(**{name: _decoded(hints[name], values[name]) for name in hints if name in values})


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """Return the hints of the fields, in their order."""
    hints = get_type_hints(cls)
    names = cls._fields if issubclass(cls, tuple) else [each.name for each in fields(cls)]
    return {name: hints[name] for name in names}


@functools.cache
def _defaults(cls: Any) -> dict[str, Any]:
    """Return the default of each field, MISSING for a field that needs a value."""
    return {
        each.name: each.default if each.default_factory is MISSING else each.default_factory()
        for each in fields(cls)
    }
