"""The difference between two JSON objects. Pure."""

from __future__ import annotations

from typing import Any

from kerneltui.fleet.engines.ssh.codec import Fields, items

GONE = "~"  # the name under which the names of fields that are gone are sent


def changes(before: Fields, now: Fields) -> Fields:
    """Return what makes `now` of `before`; {} if they are equal."""
    changed: Fields = {
        name: changes(before[name], value) if _are_objects(before.get(name), value) else value
        for name, value in now.items()
        if name not in before or before[name] != value
    }
    if gone := [name for name in before if name not in now]:
        changed[GONE] = gone
    return changed


def changed(before: Fields, told: Fields) -> Fields:
    """Return the object that `told` makes of `before`. Raises codec.Unusable."""
    gone = items(told.get(GONE, []))
    now = {name: value for name, value in before.items() if name not in gone}
    for name, value in told.items():
        if name != GONE:
            old: Any = now.get(name)
            now[name] = changed(old, value) if _are_objects(old, value) else value
    return now


def _are_objects(one: Any, other: Any) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)
