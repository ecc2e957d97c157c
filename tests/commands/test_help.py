"""The help of each command has examples that can be typed, and its exit codes."""

from __future__ import annotations

import argparse
import shlex

import pytest

from kerneltui.cli import _parser
from kerneltui.commands.help import EXAMPLES, EXIT_CODES

LINES = [(name, line) for name, lines in EXAMPLES.items() for line in lines.splitlines()]


def commands() -> dict[str, argparse.ArgumentParser]:
    (subcommands,) = _parser()._subparsers._group_actions  # type: ignore[union-attr]
    assert isinstance(subcommands.choices, dict)
    return subcommands.choices


def test_every_command_has_both() -> None:
    assert set(EXAMPLES) == set(EXIT_CODES) == set(commands())


@pytest.mark.parametrize(("name", "line"), LINES)
def test_an_example_is_understood(name: str, line: str) -> None:
    words = shlex.split(line[line.index("kerneltui") :].rstrip(")"), comments=True)
    ends = [words.index(end) for end in ("|", "&&") if end in words]

    arguments = _parser().parse_args(words[1 : min(ends, default=None)])

    assert arguments.command == name
