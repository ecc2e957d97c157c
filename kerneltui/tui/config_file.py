"""What kerneltui.toml says. What is wrong is told by its line, and the rest holds.

Rule: pure but for `read_config`; text in, settings and problems out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kerneltui.fleet.limits import Limits
from kerneltui.protocol.text import clean_line
from kerneltui.tui.config import Config
from kerneltui.tui.keymap import Keymap, resolve
from kerneltui.tui.rules import TABLES, TOP, Rule
from kerneltui.tui.themes import THEMES

MANY, MATCHES = 30, 5  # of more names than that only the likeliest are told


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in the file, and what would be right."""

    file: str
    line: int
    """From 1 on; 0 where it is about the whole file."""
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return clean_line(f"{place}: {self.text}", limit=400)


def read_config(path: Path) -> tuple[Config, tuple[Problem, ...]]:
    """Return what the file says, and what is wrong in it; a missing one says nothing."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return Config(), ()
    except OSError as error:
        return Config(), (Problem(str(path), 0, f"cannot be read: {error.strerror}"),)
    return parse_config(text, str(path))


def parse_config(text: str, file: str) -> tuple[Config, tuple[Problem, ...]]:
    """Return the settings of `text`, and the problems in the order of their lines."""
    data, problems = _load(text, file)
    good: dict[str, dict[str, Any]] = {name: {} for name in ("", *TABLES)}
    for table, key, value in _flattened(data):
        known = TABLES.get(table, TOP if not table else {})
        if wrong := _wrong(table, key, value, known):
            problems.append(Problem(file, line_of(text, table, key), wrong))
        else:
            good[table][key] = value
    keys, clashes = resolve(
        {
            action: (keys,) if isinstance(keys, str) else tuple(keys)
            for action, keys in good["keys"].items()
        }
    )
    problems += [Problem(file, line_of(text, "keys", each), clashes[each]) for each in clashes]
    return _config(good, keys), tuple(sorted(problems, key=lambda problem: problem.line))


def _load(text: str, file: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the data of all lines but those that are no TOML."""
    lines = text.splitlines()
    problems: dict[str, Problem] = {}
    while True:
        try:
            return tomllib.loads("\n".join(lines)), list(problems.values())
        except tomllib.TOMLDecodeError as error:
            what, at, place = str(error).rpartition(" (at ")
            given = re.match(r"line (\d+)", place)
            # What is never closed is told at the end of the file; it began somewhere above.
            number = int(given[1]) if given else _last(lines)
            if not number or not lines[number - 1]:
                return {}, [Problem(file, 0, f"is no TOML: {error}")]
            lines[number - 1] = ""
            problem = Problem(file, number, f"is no TOML: {what}")
            problems[f"line {number}" if given else at + place] = problem


def _last(lines: Sequence[str]) -> int:
    """Return the number of the last line that says anything; 0 where none does."""
    return max((number for number, line in enumerate(lines, start=1) if line), default=0)


def _flattened(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield table, key and value; keys below a table are told with dots."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from ((name, key, each) for key, each in _dotted(value))
        else:
            yield "", name, value


def _dotted(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", each) for key, each in _dotted(value))
        else:
            yield name, value


def _wrong(table: str, key: str, value: object, known: Mapping[str, Rule]) -> str:
    """Return what is wrong with a setting; empty where nothing is."""
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
    return Config(**settings, keys=keys, unconfirmed=unconfirmed, limits=Limits(**good["limits"]))


def line_of(text: str, table: str, key: str) -> int:
    """Return the line, from 1 on, that sets `key` in `table`; 0 where none can be found."""
    wanted = f"{table}.{key}" if table else key
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            inside = _unquoted(header[1]) + "."
        setting = re.match(r"""\s*([\w."'-]+(?:\s*\.\s*[\w"'-]+)*)\s*=""", line)
        if setting and inside + _unquoted(setting[1]) == wanted:
            return number
    return 0


def _unquoted(name: str) -> str:
    return re.sub(r"""[\s"']""", "", name)
