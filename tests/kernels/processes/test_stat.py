"""One read tells a process's parent, state and CPU time; another one its memory."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from kerneltui.kernels.processes.stat import (
    ProcessStat,
    all_pids,
    has_runnable_thread,
    parse_stat,
    read_by_psutil,
    read_resident,
    read_stat,
)
from tests.support import eventually

TICKS = os.sysconf("SC_CLK_TCK")
BEFORE_TIMES = "0 " * 7
TEXT = f"7 (a) Z 1 (b) R 3 4 6 {BEFORE_TIMES}{TICKS} {TICKS} 9 9 20 0 4 0 5555 8192 12 0 0 0"


def test_the_text_of_the_system_is_read_from_behind_the_name() -> None:
    assert parse_stat(TEXT.encode()) == ProcessStat(3, 6, 5555, "R", 2.0)


@pytest.mark.parametrize("read", [read_stat, read_by_psutil])
def test_a_process_is_told_alike_with_and_without_proc(read: type) -> None:
    me, mine = psutil.Process(), read(os.getpid())

    assert (mine.parent, mine.session) == (os.getppid(), os.getsid(0))
    assert not mine.is_zombie
    assert mine.cpu_time == pytest.approx(sum(me.cpu_times()[:2]), abs=0.5)


def test_a_process_that_computes_has_a_runnable_thread_and_one_that_sleeps_has_none() -> None:
    code = "import sys, time\nprint(flush=True)\nwhile len(sys.argv) > 1: pass\ntime.sleep(1000)"
    sleeps, computes = (
        subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE)
        for words in ((), ("computes",))
    )
    for process in (sleeps, computes):
        assert process.stdout is not None
        process.stdout.readline()

    eventually(lambda: not has_runnable_thread(sleeps.pid))
    eventually(lambda: has_runnable_thread(computes.pid))
    assert not has_runnable_thread(2**22 + 1)

    for process in (sleeps, computes):
        process.kill()
        process.communicate()


def test_what_is_resident_is_told_and_nothing_of_who_is_gone() -> None:
    assert read_resident(os.getpid()) == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)
    assert read_resident(2**22 + 1) == 0


def test_all_processes_are_found() -> None:
    assert os.getpid() in set(all_pids())
