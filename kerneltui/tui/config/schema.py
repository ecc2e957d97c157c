"""What may be written in kerneltui.toml: a rule for each setting. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

from kerneltui.fleet.model.filters import FilterError, parse_filter
from kerneltui.fleet.model.launch_mode import LaunchMode
from kerneltui.kernels.processes.stack_signal import ALLOWED, signal_number
from kerneltui.protocol.connection import Transport
from kerneltui.tui.config.config import Notifications
from kerneltui.tui.config.themes import THEMES
from kerneltui.tui.keys.actions import ACTIONS
from kerneltui.tui.keys.keymap import cannot_be_bound
from kerneltui.tui.table.columns import COLUMNS

ASKED = ("interrupt", "restart", "restart_now", "shutdown", "kill", "shutdown_all", "quit_shutdown")
"""The verbs that ask first; named as in the ids of their actions."""

Rule = Callable[[Any], str]
"""Returns what is allowed if a value is wrong; empty if it is right."""


def _rule(accepts: Callable[[Any], bool], allowed: str) -> Rule:
    return lambda value: "" if accepts(value) else f"allowed: {allowed}"


def _one_of(*words: str) -> Rule:
    return _rule(lambda value: value in words, ", ".join(words))


def _number(least: float, most: float, what: str) -> Rule:
    return _rule(
        lambda value: least <= _as_number(value) <= most, f"{what} from {least:,} to {most:,}"
    )


def _whole(least: int, most: int, what: str) -> Rule:
    number = _number(least, most, f"a whole number of {what}")
    return lambda value: number(value if isinstance(value, int) else None)


def _as_number(value: Any) -> float:
    """Return a number as it is; NaN, which is in no range, for anything else.

    True and False are numbers for Python, but not here.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else math.nan


def _columns(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(each in _COLUMN_IDS and value.count(each) == 1 for each in value)


def _filter(value: Any) -> str:
    if not isinstance(value, str):
        return "allowed: a text in quotes"
    try:
        parse_filter(value)
    except FilterError as error:
        return str(error)
    return ""


def _keys(value: Any) -> str:
    keys = [value] if isinstance(value, str) else value
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return 'allowed: a key in quotes, or a list of keys such as ["k", "ctrl+k", "f9"]'
    return next(filter(None, map(cannot_be_bound, keys)), "")


def _stack_signal(value: Any) -> str:
    try:
        signal_number(value if isinstance(value, str) else "")
    except ValueError:
        return f"allowed: {ALLOWED}"
    return ""


def _modules(value: Any) -> str:
    if isinstance(value, list) and all(map(_is_module, value)):
        return ""
    return 'allowed: a list of names of modules, such as ["numpy", "pandas"]'


def _is_module(value: object) -> bool:
    return isinstance(value, str) and all(map(str.isidentifier, value.split(".")))


class AnyName(dict[str, Rule]):
    """The rule of a table whose settings have names that the user chooses."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def __contains__(self, _name: object) -> bool:
        return True

    def get(self, _name: str, _default: Any = None) -> Rule:
        return self._rule


_FLAG = _rule(lambda value: isinstance(value, bool), "true, false")
_TEXT = _rule(lambda value: isinstance(value, str), "a text in quotes")
_COLUMN_IDS = tuple(column.id for column in COLUMNS)

TOP: dict[str, Rule] = {
    "theme": _one_of(*THEMES),
    "refresh": _number(0.2, 60, "seconds"),
    "mouse": _FLAG,
    "ascii": _FLAG,
    "read_only": _FLAG,
    "columns": _rule(_columns, f"a list, without repetition, of {', '.join(_COLUMN_IDS)}"),
    "sort": _rule(
        lambda value: isinstance(value, str) and value.removeprefix("-") in _COLUMN_IDS,
        f"{', '.join(_COLUMN_IDS)}; with a - before it the other way round",
    ),
    "filter": _filter,
    "kernelspec": _TEXT,
    "transport": _one_of(*get_args(Transport)),
    "notifications": _one_of(*get_args(Notifications)),
    "stack_signal": _stack_signal,
    "launcher": _one_of(*get_args(LaunchMode)),
    "notify_after": _number(1, 86_400, "seconds"),
}
"""The settings above the first table."""
TABLES: dict[str, dict[str, Rule]] = {
    "keys": {action.id: _keys for action in ACTIONS if not action.built_in},
    "confirm": dict.fromkeys(ASKED, _FLAG),
    "preload": AnyName(_modules),
    "limits": {
        "lines": _whole(100, 10_000_000, "lines"),
        "bytes": _whole(100_000, 10_000_000_000, "bytes"),
        "total_bytes": _whole(100_000, 100_000_000_000, "bytes"),
    },
}
