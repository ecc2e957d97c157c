"""What may be written in kerneltui.toml: a rule for each setting. Pure."""

from __future__ import annotations

from typing import Any, get_args

from kerneltui.fleet.engines.settings_table import RULES
from kerneltui.fleet.model.filters import FilterError, parse_filter
from kerneltui.fleet.model.launch_mode import LaunchMode
from kerneltui.fleet.model.setting_rules import (
    FLAG,
    TEXT,
    AnyName,
    Rule,
    number,
    one_of,
    rule,
    whole,
)
from kerneltui.kernels.processes.stack_signal import ALLOWED, signal_number
from kerneltui.protocol.connection import Transport
from kerneltui.tui.config.config import Notifications
from kerneltui.tui.config.themes import THEMES
from kerneltui.tui.keys.actions import ACTIONS
from kerneltui.tui.keys.keymap import cannot_be_bound
from kerneltui.tui.table.columns import COLUMNS

ASKED = (
    *("interrupt", "restart", "restart_now", "shutdown", "kill", "connect"),
    *("shutdown_all", "quit_shutdown"),
)
"""The verbs that ask first; named as in the ids of their actions."""


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


_COLUMN_IDS = tuple(column.id for column in COLUMNS)

TOP: dict[str, Rule] = {
    "theme": one_of(*THEMES),
    "refresh": number(0.2, 60, "seconds"),
    "mouse": FLAG,
    "ascii": FLAG,
    "read_only": FLAG,
    "columns": rule(_columns, f"a list, without repetition, of {', '.join(_COLUMN_IDS)}"),
    "sort": rule(
        lambda value: isinstance(value, str) and value.removeprefix("-") in _COLUMN_IDS,
        f"{', '.join(_COLUMN_IDS)}; with a - before it the other way round",
    ),
    "filter": _filter,
    "kernelspec": TEXT,
    "transport": one_of(*get_args(Transport)),
    "notifications": one_of(*get_args(Notifications)),
    "stack_signal": _stack_signal,
    "launcher": one_of(*get_args(LaunchMode)),
    "notify_after": number(1, 86_400, "seconds"),
}
"""The settings above the first table."""
TABLES: dict[str, dict[str, Rule]] = {
    "keys": {action.id: _keys for action in ACTIONS if not action.built_in},
    "confirm": dict.fromkeys(ASKED, FLAG),
    "preload": AnyName(_modules),
    "limits": {
        "lines": whole(100, 10_000_000, "lines"),
        "bytes": whole(100_000, 10_000_000_000, "bytes"),
        "total_bytes": whole(100_000, 100_000_000_000, "bytes"),
    },
    **RULES,
}
