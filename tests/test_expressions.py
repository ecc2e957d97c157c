"""Regular expressions see what kernels wrote: none takes more than linear time."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import partial

import pytest

import kerneltui
from tests.support import grows_linearly

SIZE = 4_000  # characters
ATTACKS = [
    *(("", piece) for piece in "aA1<>&=:;.,-[]{}@/\\'\"\t\n\x1b "),
    *(("", piece) for piece in ("://a:", "://", "KEY=", "key='", "KEY: ", "a.", "<a ", "\x1b[")),
    ("<", "a"),
    ("[", " "),
    ("{", "a"),
    ("://a:", "a"),
    ("-----BEGIN ", "PRIVATE KEY "),
    ("-----BEGIN ", "PRIVATE "),
    ("alt=", " "),
    ("KEY", " "),
    ("KEY=", " "),
    ("Bearer", " "),
    ("sk-", "a"),
    ("\x1b[", "0"),
    ("\x1b]", "a"),
    ("\x9b", " "),
    ("kernel ", "("),
]


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """Yield each expression that a module of ours keeps, with its name."""
    for module in pkgutil.walk_packages(kerneltui.__path__, "kerneltui."):
        if not module.name.endswith((".__main__", ".sitecustomize")):  # they act when imported
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{module.name}.{name}", value


PATTERNS = dict(patterns())


@pytest.mark.parametrize("name", PATTERNS)
def test_an_expression_takes_linear_time_on_any_text(name: str) -> None:
    for head, piece in ATTACKS:
        assert grows_linearly(partial(search, name, head, piece), SIZE), (
            head,
            piece,
        )


def search(name: str, head: str, piece: str, size: int) -> None:
    text = head + piece * (size // len(piece)) + "\0"
    pattern = PATTERNS[name]
    subject = text.encode() if isinstance(pattern.pattern, bytes) else text
    list(pattern.finditer(subject))  # type: ignore[arg-type]  # str to str, bytes to bytes
    pattern.fullmatch(subject)  # type: ignore[arg-type]  # str to str, bytes to bytes
