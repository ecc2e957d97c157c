"""A kernel's processes: parents before children, what left the group is told."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.fleet.inspection.process_tree import Left, ProcessFacts, ProcessTree
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.tree import descendants
from tests.fleet.inspection.sleepers import sleeps
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
        leaves = [each for each in root.children(recursive=True) if not each.children()]
        eventually(lambda: all(map(sleeps, leaves)))
        return root.pid

    yield start
    for popen in popens:
        for child in psutil.Process(popen.pid).children(recursive=True):
            child.send_signal(signal.SIGKILL)
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()


def roots(pid: int) -> list[ProcessIdentity]:
    found = identify(pid)
    return [found] if found else []


def look(pid: int) -> tuple[ProcessFacts, ...]:
    return ProcessTree().look(roots(pid), 1.0)


def test_children_stand_under_their_parents(grow: Callable[[str, int], int]) -> None:
    found = look(grow(GENERATIONS, 3))

    assert [each.depth for each in found] == [0, 1, 2, 2]
    assert {each.command for each in found[2:]} == {"sleep 1001", "sleep 1002"}


def test_a_process_tells_what_it_uses(grow: Callable[[str, int], int]) -> None:
    child = look(grow(GENERATIONS, 3))[2]

    assert (child.state, child.threads, child.rss > 0) == ("sleeping", 1, True)
    assert child.files is not None


def test_a_process_tells_its_shares_of_the_memory(grow: Callable[[str, int], int]) -> None:
    for each in look(grow(GENERATIONS, 3)):
        assert each.shares is not None
        assert 0 < each.shares.uss <= each.shares.pss <= each.rss


def test_open_files_are_named(grow: Callable[[str, int], int], tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.touch()

    pid = grow(f"exec 3<{path}; sleep 1001 3<&- & wait", 1)
    opened = [*roots(pid), *descendants(pid)]

    holder, child = (each.paths for each in ProcessTree().look(roots(pid), 1.0, opened))

    assert holder is not None
    assert child is not None
    assert (str(path) in holder, str(path) in child) == (True, False)


def test_open_files_are_not_looked_up_unasked(grow: Callable[[str, int], int]) -> None:
    assert [each.paths for each in look(grow("sleep 1001 & wait", 1))] == [None, None]


def test_zombies_are_counted_with_the_process_that_has_not_reaped_them(
    grow: Callable[[str, int], int],
) -> None:
    pid = grow("sh -c 'sleep 0 & sleep 0 & exec sleep 1001' & wait", 3)
    eventually(lambda: [each.zombies for each in look(pid)] == [0, 2])


def test_cpu_is_known_from_the_second_look_on(grow: Callable[[str, int], int]) -> None:
    pid, tree = grow(GENERATIONS, 3), ProcessTree()

    looks = [tree.look(roots(pid), now)[-1].cpu for now in (1.0, 2.0)]

    assert looks == [None, 0.0]


def test_cpu_is_not_told_as_a_mean_since_a_look_long_ago(grow: Callable[[str, int], int]) -> None:
    pid, tree = grow(GENERATIONS, 3), ProcessTree()

    looks = [tree.look(roots(pid), now)[-1].cpu for now in (1.0, 12.0, 13.0)]

    assert looks == [None, None, 0.0]


def test_what_left_the_group_is_told(grow: Callable[[str, int], int]) -> None:
    found = look(grow(RUNAWAY, 1))

    assert [each.has_left for each in found] == [Left.NOTHING, Left.SESSION]


def test_a_process_that_is_gone_has_no_tree() -> None:
    popen = subprocess.Popen(["true"])
    popen.wait()

    assert look(popen.pid) == ()


def test_a_command_line_is_shown_without_its_secrets(grow: Callable[[str, int], int]) -> None:
    pid = grow("sh -c 'sleep 1004; true' --password=hunter2 '\x1b[2Jx' & wait", 2)

    commands = [each.command for each in look(pid)[1:]]

    assert "hunter2" not in "".join(commands)
    assert all(command.isprintable() for command in commands)
