"""Reads kerneltui.toml: its settings, and its problems with their lines.

A wrong setting is reported, and the others hold.
Rule: only `read_config` reads a file; the rest is pure: text in, settings and problems out.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kerneltui.fleet.engines.settings_table import (
    RULES,
    contradictions,
    dotted,
    engine_settings,
    open_token,
    wrong_setting,
)
from kerneltui.fleet.model.retention import Limits
from kerneltui.fleet.model.setting_rules import Rule
from kerneltui.frozen import frozen
from kerneltui.private_file import others_may_read, read_regular
from kerneltui.protocol.text import clean_line
from kerneltui.tui.config.config import MAX_FILE, Config
from kerneltui.tui.config.schema import TABLES, TOP
from kerneltui.tui.config.themes import THEMES
from kerneltui.tui.keys.keymap import Keymap, resolve
from kerneltui.words import more

MANY, MATCHES = 30, 5  # of more than MANY names, tell the MATCHES most similar ones
MAX_PROBLEMS = 20  # reported one by one; of the others, only the count
MAX_ATTEMPTS = 20  # to read a file without its bad lines

_HEADER = re.compile(r"\A\s*+\[++([^\]]++)\]")
_SETTING = re.compile(r"""\A\s*+([\w."'\s-]++)=""")
_AT_LINE = re.compile(r"line (\d+)")


@frozen
class Problem:
    """A mistake in the file, and what is allowed instead."""

    file: str
    line: int
    """From 1 on; 0 if it is about the whole file."""
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return clean_line(f"{place}: {self.text}", limit=400)


def read_config(path: Path) -> tuple[Config, tuple[Problem, ...]]:
    """Return the file's settings and problems; the defaults if it is missing."""
    try:
        text = read_regular(path, MAX_FILE).decode("utf-8", "replace")
    except FileNotFoundError:
        return Config(), ()
    except OSError as error:
        return Config(), (Problem(str(path), 0, f"cannot be read: {error.strerror}"),)
    config, problems = parse_config(text, str(path))
    return config, (*problems, *_told_tokens(config, path, text))


def _told_tokens(config: Config, path: Path, text: str) -> Iterator[Problem]:
    """Yield a problem for each token that other users can read."""
    named = [each.name for each in config.engines.servers.values() if each.token]
    if named and (mode := others_may_read(path)):
        lines = _lines_of_settings(text)
        for name in named:
            why = f"{name}.token {open_token(mode)}"
            yield Problem(str(path), lines.get(f"servers.{name}.token", 0), why)


def parse_config(text: str, file: str) -> tuple[Config, tuple[Problem, ...]]:
    """Return the settings of `text`, and the problems in the order of their lines."""
    data, problems = _load(text, file)
    lines = _lines_of_settings(text)
    good: dict[str, dict[str, Any]] = {name: {} for name in ("", *TABLES)}
    untold = 0
    for table, key, value in _flattened(data):
        known = TABLES.get(table, TOP if not table else {})
        if key not in known and len(problems) >= MAX_PROBLEMS:
            untold += 1
        elif wrong := _wrong(table, key, value, known):
            problems.append(Problem(file, lines.get(_path(table, key), 0), wrong))
        else:
            good[table][key] = value
    keys, clashes = resolve(
        {
            action: (keys,) if isinstance(keys, str) else tuple(keys)
            for action, keys in good["keys"].items()
        }
    )
    problems += [
        Problem(file, lines.get(_path("keys", each), 0), clashes[each]) for each in clashes
    ]
    problems += [
        Problem(file, lines.get(_path(table, path), 0), why)
        for table, path, why in contradictions(good["servers"], good["hosts"])
    ]
    told = sorted(problems, key=lambda problem: problem.line)
    if untold := untold + len(told[MAX_PROBLEMS:]):
        told[MAX_PROBLEMS:] = [Problem(file, 0, more(untold, "mistakes"))]
    return _config(good, keys), tuple(told)


def _load(text: str, file: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the data of the lines that are TOML, and a problem for each other line.

    If too many lines are not TOML, the lower half of the file is dropped: each attempt parses
    all lines again.
    """
    lines = text.splitlines()
    problems: dict[str, Problem] = {}
    attempts = 0
    while True:
        attempts += 1
        if attempts > MAX_ATTEMPTS:
            del lines[len(lines) // 2 :]
            cut = f"has too much that is not TOML; nothing is read below line {len(lines)}"
            problems["cut"] = Problem(file, 0, cut)
        try:
            return tomllib.loads("\n".join(lines)), list(problems.values())
        except tomllib.TOMLDecodeError as error:
            what, at, place = str(error).rpartition(" (at ")
            given = _AT_LINE.match(place)
            # tomllib reports an unclosed quote or bracket at the end of the file; it began above.
            number = int(given[1]) if given else _last(lines)
            if not number or not lines[number - 1]:
                return {}, [Problem(file, 0, f"is not TOML: {error}")]
            lines[number - 1] = ""
            problem = Problem(file, number, f"is not TOML: {what}")
            problems[f"line {number}" if given else at + place] = problem
        except (ValueError, RecursionError) as error:  # tomllib does not say where
            number = _first_beyond_reading(lines)
            del lines[number - 1 :]
            too_deep = isinstance(error, RecursionError)
            why = "is nested too deep" if too_deep else "holds a number that is too long"
            problem = Problem(file, number, f"{why}; nothing from here on is read")
            problems[f"line {number}"] = problem


def _first_beyond_reading(lines: Sequence[str]) -> int:
    """Return the number of the first line at which tomllib gives up."""
    return 1 + bisect_left(
        range(len(lines)), True, key=lambda last: _is_too_much(lines[: last + 1])
    )


def _is_too_much(lines: Sequence[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    except (ValueError, RecursionError):
        return True
    return False


def _last(lines: Sequence[str]) -> int:
    """Return the number of the last line that is not empty; 0 if all are."""
    return max((number for number, line in enumerate(lines, start=1) if line), default=0)


def _flattened(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield table, key and value; keys of tables inside a table are joined with dots."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from ((name, key, each) for key, each in dotted(value))
        else:
            yield "", name, value


def _wrong(table: str, key: str, value: object, known: Mapping[str, Rule]) -> str:
    """Return what is wrong with a setting; empty if nothing is."""
    if table in RULES:
        return wrong_setting(table, key, value)
    if table and table not in TABLES:
        return f"[{table}] is not known; allowed: {', '.join(f'[{name}]' for name in TABLES)}"
    setting = known.get(key)
    place = f" in [{table}]" if table else ""
    if setting is None:
        near = get_close_matches(key, known, MATCHES) if len(known) > MANY else known
        return f"{key} is not known{place}; allowed: {', '.join(near or known)}"
    wrong = setting(value)
    return f"{key} cannot be {value!r}; {wrong}" if wrong else ""


def _config(good: Mapping[str, Mapping[str, Any]], keys: Keymap) -> Config:
    settings = dict(good[""])
    if "theme" in settings:
        settings["theme"] = THEMES[settings["theme"]]
    if "columns" in settings:
        settings["columns"] = tuple(settings["columns"])
    unconfirmed = frozenset(verb for verb, asks in good["confirm"].items() if not asks)
    return Config(
        **settings,
        keys=keys,
        unconfirmed=unconfirmed,
        preload={name: tuple(modules) for name, modules in good["preload"].items()},
        limits=Limits(**good["limits"]),
        engines=engine_settings(good["servers"], good["hosts"]),
    )


def _lines_of_settings(text: str) -> dict[str, int]:
    """Return the number of each setting's first line, from 1 on, by table and key."""
    found: dict[str, int] = {}
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            inside = _unquoted(header[1]) + "."
        if setting := _SETTING.match(line):
            found.setdefault(inside + _unquoted(setting[1]), number)
    return found


def _path(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key


def _unquoted(name: str) -> str:
    return re.sub(r"""[\s"']""", "", name)
