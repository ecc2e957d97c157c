"""Read fields of received JSON as the types that they should have.

Rule: nothing here raises. A field that is missing, null, of another type, or out of its bounds
reads as the default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Fields = Mapping[str, Any]
"""A header, a content, or a JSON object inside one."""


def text(fields: Fields, name: str, default: str = "", *, limit: int | None = None) -> str:
    """Return a string; `limit`: characters kept of it, None for all."""
    value = fields.get(name)
    return value[:limit] if isinstance(value, str) else default


def flag(fields: Fields, name: str) -> bool:
    """Tell whether a field is JSON's true; no other value counts as true."""
    return fields.get(name) is True


def whole(fields: Fields, name: str, default: int = 0, *, within: range) -> int:
    """Return a whole number."""
    value = fields.get(name)
    return value if type(value) is int and value in within else default


def number(fields: Fields, name: str, default: float, *, lowest: float, highest: float) -> float:
    """Return a finite number from `lowest` to `highest`."""
    value = fields.get(name)
    if type(value) is int and lowest <= value <= highest:
        return float(value)
    if isinstance(value, float) and math.isfinite(value) and lowest <= value <= highest:
        return value
    return default


def mapping(fields: Fields, name: str) -> dict[str, Any]:
    """Return a JSON object, an empty one by default."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def items(fields: Fields, name: str) -> list[Any]:
    """Return a list, an empty one by default; its items are of any type."""
    value = fields.get(name)
    return value if isinstance(value, list) else []


def texts(fields: Fields, name: str) -> list[str]:
    """Return the strings of a list; other items are left out."""
    return [item for item in items(fields, name) if isinstance(item, str)]
