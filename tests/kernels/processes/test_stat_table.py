"""One pass over all processes serves all who look at about the same time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kerneltui.kernels.processes import stat_table
from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.stat import all_pids, has_proc
from kerneltui.kernels.processes.stat_table import StatTable
from tests.support import eventually


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """An item for each pass over all processes."""
    begun: list[None] = []

    def counted() -> list[int]:
        begun.append(None)
        return list(all_pids())

    monkeypatch.setattr(stat_table, "all_pids", counted)
    return begun


def test_each_process_comes_with_its_identity() -> None:
    assert StatTable().look(0.0)[os.getpid()].identity == identify(os.getpid())


def test_what_is_young_enough_is_not_read_again(passes: list[None]) -> None:
    table = StatTable()

    assert table.look(0.0) is table.look(60.0)
    assert len(passes) == 1


def test_who_wants_it_of_this_moment_has_a_pass_of_its_own(passes: list[None]) -> None:
    table = StatTable()
    table.look(60.0)
    table.look(0.0)

    assert len(passes) == 2


def test_a_process_that_has_ended_is_not_in_the_next_pass() -> None:
    table = StatTable()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process.pid in table.look(0.0)

    process.communicate(b"\n")

    assert process.pid not in table.look(0.0)


@pytest.mark.skipif(not has_proc(), reason="the system tells of no moves")
def test_a_process_that_has_done_nothing_is_the_same_object() -> None:
    table = StatTable()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        eventually(lambda: table.look(0.0)[process.pid] is table.look(0.0)[process.pid])


@pytest.mark.skipif(not has_proc(), reason="the system does not show its threads")
def test_the_systems_own_threads_are_read_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def read_text(pid: int) -> bytes:
        read.append(pid)
        flags = 0x00200000 if pid == 2 else 0
        return b"%d (x) S 1 1 1 0 -1 %d 0 0 0 0 0 0 0 0 20 0 1 0 5 0" % (pid, flags)

    monkeypatch.setattr(stat_table, "all_pids", lambda: [1, 2])
    monkeypatch.setattr(stat_table, "read_text", read_text)
    table = StatTable()
    first, second = table.look(0.0), table.look(0.0)

    assert read == [1, 2, 1]
    assert first == second
