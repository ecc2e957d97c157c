"""Rules: what a setting in kerneltui.toml may be. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any], str]
"""Returns what is allowed if a value is wrong; empty if it is right."""


def rule(accepts: Callable[[Any], bool], allowed: str) -> Rule:
    return lambda value: "" if accepts(value) else f"allowed: {allowed}"


def one_of(*words: str) -> Rule:
    return rule(lambda value: value in words, ", ".join(words))


def number(least: float, most: float, what: str) -> Rule:
    return rule(
        lambda value: least <= _as_number(value) <= most, f"{what} from {least:,} to {most:,}"
    )


def whole(least: int, most: int, what: str) -> Rule:
    in_range = number(least, most, f"a whole number of {what}")
    return lambda value: in_range(value if isinstance(value, int) else None)


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _as_number(value: Any) -> float:
    """Return a number as it is; NaN, which is in no range, for anything else.

    True and False are numbers for Python, but not here.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else math.nan


FLAG = rule(lambda value: isinstance(value, bool), "true, false")
TEXT = rule(lambda value: isinstance(value, str), "a text in quotes")


class AnyName(dict[str, Rule]):
    """The rule of a table whose settings have names that the user chooses."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def __contains__(self, _name: object) -> bool:
        return True

    def get(self, _name: str, _default: Any = None) -> Rule:
        return self._rule


class OfEachName(dict[str, Rule]):
    """The rules of a table that has a table for each name that the user chooses.

    Its keys are the paths of settings: "gpu.url". Listed are those of a table called NAME.
    """

    def __init__(self, rules: Mapping[str, Rule], wrong_name: Callable[[str], str]) -> None:
        """`rules`: one that ends with a dot holds for all settings of a table within the table.

        `wrong_name`: returns why a name cannot be taken, "" if it can.
        """
        super().__init__({f"NAME.{key}": each for key, each in rules.items()})
        self._rules = rules
        self._wrong_name = wrong_name

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path) is not None

    def get(self, path: str, _default: Any = None) -> Rule | None:  # type: ignore[override]
        name, _, key = path.partition(".")
        found = self._rules.get(key) or self._rules.get(key.partition(".")[0] + ".")
        if found is not None and (why := self._wrong_name(name)):
            return lambda _value: why
        return found
