"""A process shows another command line, wherever the system lets it and as far as there is room."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from kerneltui.kernels.templates.template import FOLDER

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

SHOW = """
import os, sys
sys.path.insert(0, sys.argv[1])
import kerneltui_template_title as title
{before}
title.show({argv!r}, {{'A': 'é', 'B': ''}})
print([open(f'/proc/self/{{name}}').read().split(chr(0)) for name in ('cmdline', 'environ')])
print(os.environ['PATH'])
"""
REFUSED = "title._move = lambda *_: False  # as an older system does"


def shown(argv: list[str], before: str = "", room: int = 0) -> tuple[list[str], list[str]]:
    code = SHOW.format(argv=argv, before=before)
    command = [sys.executable, "-c", code, FOLDER, " " * room]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shown, path = told.splitlines()
    assert path == os.environ["PATH"]  # the process has what it had
    cmdline, environ = ast.literal_eval(shown)
    return cmdline, environ


@pytest.mark.parametrize("argv", [["python"], ["python", "-m", "é", "", "x" * 100_000]])
def test_a_command_and_an_environment_are_shown(argv: list[str]) -> None:
    cmdline, environ = shown(argv)

    assert cmdline == [*argv, ""]
    assert environ == ["A=é", "B=", ""]


def test_a_command_is_written_over_the_old_one_if_it_must_be() -> None:
    argv = ["python", "-m", "ipykernel_launcher", "-f", "/é/kernel.json"]

    cmdline, _ = shown(argv, REFUSED, room=100)

    assert cmdline[:5] == argv
    assert not any(cmdline[5:])


def test_no_more_is_written_than_there_is_room() -> None:
    cmdline, environ = shown(["x" * 100_000], REFUSED)

    assert cmdline[0].strip("x") == ""
    assert any(each.startswith("PATH=") for each in environ)
