"""What `kerneltui stack` prints of a look."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kerneltui.commands.stack import stack_lines, variable_lines
from kerneltui.fleet.diagnosis.stack import Frame, Refusal, Stack, StackThread, Way
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.fleet.diagnosis.ways import diagnosis
from kerneltui.paths import runtime_folder
from tests.commands.commands_here import CommandsHere
from tests.support import PATIENCE

LIBRARY = "/venv/lib/python3.11/site-packages/tool/run.py"
FRAMES = (
    Frame("/home/ana/load.py", 7, "load", "return json.load(file)"),
    Frame("/tmp/ipykernel_1/2.py", 2, "<module>", "x = load(path)", cell=4),
    Frame(LIBRARY, 30, "run_code"),
    Frame(LIBRARY, 20, "run"),
)
STACK = Stack(
    Way.FAULTHANDLER,
    (StackThread("MainThread", True, FRAMES), StackThread("Bob", False, FRAMES[2:])),
    (Refusal(Way.SUBSHELL, "no answer"),),
    ("children: 7 sh",),
)


def test_the_user_s_frames_have_their_lines_and_libraries_are_folded() -> None:
    assert [text for text, _ in stack_lines(STACK)] == [
        "by faulthandler: a signal that its threads catch; its log gets the stacks",
        "not by subshell: no answer",
        "children: 7 sh",
        "MainThread",
        "  load.py, line 7  load      return json.load(file)",
        "  In [4], line 2   <module>  x = load(path)",
        "  … 2 library frames: run_code (run.py, line 30)",
        "Bob  … 2 library frames: run_code (run.py, line 30)",
    ]


def test_one_reason_of_several_ways_is_told_once() -> None:
    refused = (Refusal(Way.SUBSHELL, "it is stopped"), Refusal(Way.FAULTHANDLER, "it is stopped"))

    lines = [text for text, _ in stack_lines(Stack(Way.SYSTEM, (), refused))]

    assert lines[1:] == ["not by subshell, faulthandler: it is stopped"]


def test_variables_are_a_table_and_an_estimate_is_marked() -> None:
    hog = Variable("hog", "list", 3_000_000, is_exact=False, shape=(20_000,))
    small = Variable("n", "int", 28, value="7")

    assert [text.rstrip() for text, _ in variable_lines((hog, small))] == [
        "NAME  TYPE  SHAPE  SIZE    VALUE",
        "hog   list  20000  ~2.86M",
        "n     int          28B     7",
    ]


@pytest.mark.slow
def test_the_command_tells_a_running_kernel_s_stack_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "STACK_PATIENCE", PATIENCE)
    monkeypatch.setattr(diagnosis, "NAMES_PATIENCE", PATIENCE)
    here = CommandsHere(runtime_folder())

    def kerneltui(*words: str) -> None:
        command = [sys.executable, "-m", "kerneltui", *words]
        subprocess.run(command, stdout=subprocess.DEVNULL, timeout=120, check=True, cwd=tmp_path)

    kerneltui("start", "python3", "--name", "etl")
    try:
        told = json.loads(here("stack", "etl", "--json"))
        variables = json.loads(here("stack", "etl", "--variables", "--json"))
    finally:
        kerneltui("kill", "etl")
        kerneltui("shutdown", "etl")

    assert told["method"] == "subshell"
    assert told["threads"][0]["main"]
    assert variables == []
