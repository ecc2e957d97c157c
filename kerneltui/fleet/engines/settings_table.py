"""Rules of [servers.NAME] and [hosts.NAME] in kerneltui.toml, and what they make. Pure.

Settings come with their paths in the table: {"gpu.url": "https://...", "gpu.headers.X-Team": "a"}.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from kerneltui.fleet.engines.names import wrong_name
from kerneltui.fleet.engines.settings import EngineSettings, HostSettings, ServerSettings
from kerneltui.fleet.model.setting_rules import FLAG, TEXT, OfEachName, is_texts, number, rule

MAX_TIMEOUT = 3600  # seconds
MAX_DEPTH = 10  # of tables within tables


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_command(value: object) -> bool:
    try:
        return (isinstance(value, str) or is_texts(value)) and bool(_words(value))
    except ValueError:  # a quote is not closed
        return False


def _words(command: Any) -> tuple[str, ...]:
    """Return the words of a command, given as a list or as one text. Raises ValueError."""
    return tuple(shlex.split(command) if isinstance(command, str) else command)


_HEADERS = "headers."
_WORD = rule(_is_word, "a text in quotes, not empty")
_DESTINATION = rule(
    lambda value: _is_word(value) and not value.startswith("-"), 'a host for ssh, such as "ann@box"'
)
_COMMAND = rule(_is_command, 'a list of words such as ["pass", "gpu"], or one text without a shell')

SERVER_RULES = OfEachName(
    {
        "url": _WORD,
        "token": _WORD,
        "token_env": _WORD,
        "token_command": _COMMAND,
        "password_env": _WORD,
        "ca_file": _WORD,
        "client_certificate": _WORD,
        "client_key": _WORD,
        _HEADERS: TEXT,
        "timeout": number(0.1, MAX_TIMEOUT, "seconds"),
        "connect": FLAG,
    },
    wrong_name,
)
HOST_RULES = OfEachName(
    {"destination": _DESTINATION, "command": _WORD, "connect": FLAG}, wrong_name
)
RULES = {"servers": SERVER_RULES, "hosts": HOST_RULES}
"""By the name of their table. Their values may be secrets: no message may show one."""
_NEEDED = {"servers": "url", "hosts": "destination"}
_TOKENS = ("token", "token_env", "token_command")


def dotted(table: Mapping[str, Any], depth: int = MAX_DEPTH) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each setting; a path is the keys of its tables with dots."""
    for name, value in table.items():
        if isinstance(value, dict) and depth:
            yield from ((f"{name}.{path}", each) for path, each in dotted(value, depth - 1))
        else:
            yield name, value


def wrong_setting(table: str, path: str, value: object) -> str:
    """Return what is wrong with a setting, without its value; "" if nothing is."""
    rules = RULES[table]
    if (rule := rules.get(path)) is None:
        return f"{path} is not known in [{table}]; allowed: {', '.join(rules)}"
    wrong = rule(value)
    return f"{path} is wrong; {wrong}" if wrong else ""


def right_settings(table: str, value: object) -> dict[str, Any]:
    """Return the settings of a table that are right by themselves, by their paths."""
    settings = dotted(value) if isinstance(value, dict) else ()
    return {path: each for path, each in settings if not wrong_setting(table, path, each)}


def open_token(mode: str) -> str:
    """Return what to do about a token in a file that other users can read."""
    return (
        f"can be read by other users (the file has mode {mode}); set the mode to 600, or give"
        " token_command or token_env instead"
    )


def contradictions(
    servers: Mapping[str, Any], hosts: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong between settings: a table, the path of one, and a sentence.

    `servers`, `hosts`: the settings of the two tables, each of which is right by itself.
    """
    tables = {"servers": _by_name(servers), "hosts": _by_name(hosts)}
    for table, engines in tables.items():
        for name, own in engines.items():
            first, needed = next(iter(own)), _NEEDED[table]
            tokens = [each for each in _TOKENS if each in own]
            if needed not in own:
                yield table, f"{name}.{first}", f"[{table}.{name}] needs {needed}"
            if len(tokens) > 1:
                wrong = f"[{table}.{name}] has {' and '.join(tokens)}; give one"
                yield table, f"{name}.{tokens[1]}", wrong
            if table == "hosts" and name in tables["servers"]:
                wrong = f"[servers.{name}] has that name already; give [hosts.{name}] another"
                yield table, f"{name}.{first}", wrong


def engine_settings(servers: Mapping[str, Any], hosts: Mapping[str, Any]) -> EngineSettings:
    """Return the engines of which all that is needed is known.

    `servers`, `hosts`: the settings of the two tables, each of which is right by itself.
    """
    return EngineSettings(
        {name: _server(name, own) for name, own in _by_name(servers).items() if "url" in own},
        {
            name: HostSettings(name, **own)
            for name, own in _by_name(hosts).items()
            if "destination" in own
        },
    )


def _by_name(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path, value in settings.items():
        name, _, key = path.partition(".")
        found.setdefault(name, {})[key] = value
    return found


def _server(name: str, own: Mapping[str, Any]) -> ServerSettings:
    rest = {key: value for key, value in own.items() if not key.startswith(_HEADERS)}
    if "token_command" in rest:
        rest["token_command"] = _words(rest["token_command"])
    headers = {
        key.removeprefix(_HEADERS): value for key, value in own.items() if key.startswith(_HEADERS)
    }
    return ServerSettings(name, **rest, headers=headers)
