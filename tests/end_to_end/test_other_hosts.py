"""The program with a kernel of another host; in place of ssh a shell runs the agent here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.dashboard import WIDE, Dashboard, environment_of, new_home
from tests.processes import descendant

pytestmark = pytest.mark.slow

PROGRAM = (sys.executable, "-m", "kerneltui", "--host", "box")
SSH = """#!/bin/sh
for last; do :; done
export HOME="$HOME/box" JUPYTER_RUNTIME_DIR="$HOME/box/run"
exec sh -c "$last"
"""
AGENT = f'#!/bin/sh\nexec {sys.executable} -m kerneltui "$@"\n'


@pytest.fixture(scope="module")
def far(places: Path) -> Iterator[Dashboard]:
    """A dashboard with the idle kernel `far` of the host `box` selected."""
    with new_home(places) as home:
        environment = environment_of(home)
        programs, box = home / "bin", Path(environment["HOME"], "box")
        for folder in (programs, box, box / "run"):
            folder.mkdir(mode=0o700)
        for name, script in (("ssh", SSH), ("kerneltui", AGENT)):
            (programs / name).write_text(script, encoding="utf-8")
            (programs / name).chmod(0o755)
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
        start = [*PROGRAM, "start", "box:python3", "--name", "far"]
        subprocess.run(start, env=environment, cwd=home, check=True, stdout=subprocess.DEVNULL)
        with closing(
            Dashboard.open(PROGRAM, size=WIDE, environment=environment, cwd=home)
        ) as terminal:
            terminal.wait_for_state("far", "idle")
            terminal.press("/")
            terminal.type("name:far")
            terminal.press("enter")
            yield terminal


def test_code_runs_there_and_its_output_is_shown(far: Dashboard) -> None:
    far.open_console()
    far.run("print('hel' + 'lo')")

    far.wait_for(lambda: "  hello" in far.output())
    far.leave_console()


def test_a_cell_there_is_interrupted(far: Dashboard) -> None:
    far.open_console()
    far.run("while True: pass")
    far.leave_console()
    far.wait_for_state("far", "busy")

    far.press_until(("i", "i"), lambda: far.is_in_state("far", "idle"))

    far.wait_for(lambda: any("KeyboardInterrupt" in line for line in far.output()))


def test_a_row_that_is_not_heard_says_so_until_it_is_heard_again(far: Dashboard) -> None:
    agent = descendant(lambda words: words[-1:] == ["agent"])

    before = len(far.raw)
    agent.kill()

    far.wait_for(lambda: b"not heard" in far.raw[before:])  # for a moment only
    far.wait_for(lambda: not far.shows("not heard"))
    far.wait_for_state("far", "idle")
