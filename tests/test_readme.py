"""The README stays true: its keys, its pictures, its commands."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kerneltui.tui.config.config_file import parse_config
from kerneltui.tui.config.schema import TABLES, TOP
from tests.regenerate import with_key_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_key_table_is_the_registrys() -> None:
    assert with_key_table(README) == README


@pytest.mark.parametrize("picture", re.findall(r"\]\((screenshots/[^)]+)\)", README))
def test_a_linked_picture_exists(picture: str) -> None:
    assert (ROOT / picture).is_file()


def test_the_librarys_examples_name_what_the_library_has() -> None:
    examples = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    imports = [
        node
        for example in examples
        for node in ast.walk(ast.parse(example))
        if isinstance(node, ast.ImportFrom)
    ]

    assert {node.module for node in imports} == {"kerneltui", "kerneltui.asyncio"}
    for node in imports:
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.slow
def test_the_first_example_of_the_library_runs_as_it_is_written() -> None:
    example, *_ = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "42\nZeroDivisionError\n", "")


def test_the_example_configuration_is_right_and_whole() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)

    assert parse_config(example, "README.md")[1] == ()
    data = tomllib.loads(example)
    assert data.keys() == TOP.keys() | TABLES.keys()
    assert data["limits"].keys() == TABLES["limits"].keys()


@pytest.mark.parametrize("mark", ["run", "test"])
def test_a_marked_command_is_one_line(mark: str) -> None:
    (command,) = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)```", README, flags=re.DOTALL)

    assert command.count("\n") == 1
