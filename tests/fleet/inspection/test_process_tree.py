"""A kernel's processes: parents before children, what left the group is told."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.fleet.inspection.process_tree import ProcessFacts, ProcessTree
from tests.support import eventually

GENERATIONS = "(sleep 1001 & sleep 1002 & wait; true) & wait"
RUNAWAY = "setsid sleep 1003 & wait"


@pytest.fixture
def grow() -> Iterator[Callable[[str, int], int]]:
    """Start a shell script that has so many descendants, and return its pid."""
    popens: list[subprocess.Popen[bytes]] = []

    def start(script: str, count: int) -> int:
        popens.append(subprocess.Popen(["sh", "-c", script], start_new_session=True))
        root = psutil.Process(popens[-1].pid)
        eventually(lambda: len(root.children(recursive=True)) == count)
        sleeps = [each for each in root.children(recursive=True) if not each.children()]
        eventually(lambda: all(each.name() == "sleep" for each in sleeps))
        return root.pid

    yield start
    for popen in popens:
        for child in psutil.Process(popen.pid).children(recursive=True):
            child.send_signal(signal.SIGKILL)
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()


def look(pid: int) -> tuple[ProcessFacts, ...]:
    return ProcessTree().look(pid, 1.0)


def test_children_stand_under_their_parents(grow: Callable[[str, int], int]) -> None:
    found = look(grow(GENERATIONS, 3))

    assert [each.depth for each in found] == [0, 1, 2, 2]
    assert {each.command for each in found[2:]} == {"sleep 1001", "sleep 1002"}


def test_a_process_tells_what_it_uses(grow: Callable[[str, int], int]) -> None:
    child = look(grow(GENERATIONS, 3))[2]

    assert (child.state, child.threads, child.rss > 0) == ("sleeping", 1, True)
    assert child.files is not None


def test_open_files_are_named(grow: Callable[[str, int], int], tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.touch()

    found = look(grow(f"exec 3<{path}; sleep 1001 3<&- & wait", 1))

    assert (str(path) in found[0].paths, str(path) in found[1].paths) == (True, False)


def test_cpu_is_known_from_the_second_look_on(grow: Callable[[str, int], int]) -> None:
    pid, tree = grow(GENERATIONS, 3), ProcessTree()

    looks = [tree.look(pid, now)[-1].cpu for now in (1.0, 2.0)]

    assert looks == [None, 0.0]


def test_what_left_the_group_is_told(grow: Callable[[str, int], int]) -> None:
    found = look(grow(RUNAWAY, 1))

    assert [each.escaped for each in found] == [False, True]


def test_a_process_that_is_gone_has_no_tree() -> None:
    popen = subprocess.Popen(["true"])
    popen.wait()

    assert look(popen.pid) == ()


def test_a_command_line_is_shown_without_its_secrets(grow: Callable[[str, int], int]) -> None:
    pid = grow("sh -c 'sleep 1004; true' --password=hunter2 '\x1b[2Jx' & wait", 2)

    commands = [each.command for each in look(pid)[1:]]

    assert "hunter2" not in "".join(commands)
    assert all(command.isprintable() for command in commands)
