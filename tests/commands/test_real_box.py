"""The command line on kernels of another machine: an agent and an ipykernel, without a real ssh."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui import paths
from tests.commands.commands_here import CommandsHere
from tests.commands.test_commands import CommandLine
from tests.fleet.engines.ssh.piped_box import put_on_path
from tests.support import eventually

pytestmark = pytest.mark.slow

SHELL = '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n'
"""Runs the command here, as sshd does there."""


class Box:
    """The commands with the option for a machine, which has one kernel."""

    def __init__(self, runtime: Path) -> None:
        self.command = CommandsHere(runtime)
        self.process = CommandLine(runtime)
        self.in_process("start", "box:python3", "--name", "etl", "--cwd", "/")

    def __call__(self, *words: str, code: int = 0) -> str:
        return self.command("--host", "box", *words, code=code)

    def in_process(self, *words: str) -> str:
        """Run a command as a script does."""
        return self.process("--host", "box", *words)

    @property
    def listed(self) -> dict[str, object]:
        (listed,) = json.loads(self("ps", "--json", "name:etl"))
        assert isinstance(listed, dict)
        return listed


@pytest.fixture(scope="module")
def box(places: Path) -> Iterator[Box]:
    """It is named in kerneltui.toml, and has a runtime folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="b", dir=places))
    for runtime in ("here", "there"):
        (folder / runtime).mkdir(mode=0o700)
    there = [f"JUPYTER_RUNTIME_DIR={folder / 'there'}", f"PYTHONPATH={Path.cwd()}"]
    program = shlex.join(["env", *there, sys.executable, "-m", "kerneltui"])
    file = paths.config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"[hosts.box]\ndestination = 'ann@box'\ncommand = '''{program}'''\n"
        "[hosts.bare]\ndestination = 'ann@bare'\ncommand = '/no/such/kerneltui'\n",
        "utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        put_on_path(folder, SHELL, patch)
        box = Box(folder / "here")
        yield box
        box.in_process("kill", "box:etl")
        box.in_process("shutdown", "box:etl")  # removes what is left of it
    file.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_kernel_of_the_machine_is_listed_with_its_host_and_its_process(box: Box) -> None:
    assert (box.listed["host"], box.listed["origin"]) == ("box", "kerneltui")
    assert isinstance(box.listed["pid"], int)


def test_code_runs_there_and_is_in_its_logs(box: Box) -> None:
    assert box.in_process("run", "etl", "-c", "print('said there')") == "said there\n"
    eventually(lambda: "said there\n" in box("logs", "box:etl"))


def test_code_that_raises_there_fails_here_with_its_traceback(box: Box) -> None:
    told = box.process("--host", "box", "run", "etl", "-c", "1 / 0", code=1)

    assert "ZeroDivisionError: division by zero" in told


def test_a_signal_and_a_new_name_reach_it(box: Box) -> None:
    box.in_process("signal", "CONT", "box:etl")
    box.in_process("rename", "box:etl", "load")
    box.in_process("rename", "load", "etl")

    assert box.listed["name"] == "etl"


def test_a_restart_gives_it_another_process(box: Box) -> None:
    before = box.listed["pid"]

    box.in_process("restart", "etl")

    assert box.listed["pid"] != before


def test_a_machine_without_kerneltui_is_one_line_with_what_to_do(box: Box) -> None:
    told = box.command("--host", "bare", "ps", code=1)

    assert told.startswith("kerneltui: bare: kerneltui is not installed there; install it: ssh ")
    assert told.count("\n") == 1
