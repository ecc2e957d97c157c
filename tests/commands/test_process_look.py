"""What the processes of kernels use."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from kerneltui.commands import process_look
from kerneltui.commands.process_look import WINDOW, ProcessLook
from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.inspection.process_sample import ProcessSample, uses_cpu
from kerneltui.kernels.processes.identity import identify
from tests.support import eventually


def test_memory_and_time_are_those_of_the_tree() -> None:
    code = "import os, time; x = b'x' * (60 << 20); os.fork(); time.sleep(1000)"
    with grown(code) as root:
        (child,) = root.children()
        eventually(lambda: child.memory_info().rss > 60 << 20)
        look = ProcessLook([identify(root.pid)])

        facts = look.at(identify(root.pid))

        times = sum(sum(each.cpu_times()[:2]) for each in (root, child))
        assert facts.memory is not None
        assert facts.memory < 120 << 20
        assert facts.cpu_time == pytest.approx(times, abs=0.05)


def test_a_kernel_inside_a_kernel_is_counted_in_its_own_row() -> None:
    code = "import os, time; os.fork(); time.sleep(1000)"
    with grown(code) as root:
        (child,) = root.children()
        both = [identify(root.pid), identify(child.pid)]

        def is_counted() -> bool:
            return ProcessLook(both).at(both[0]).memory == root.memory_info().rss

        eventually(is_counted)  # both may still be loading


def test_a_look_tells_of_the_time_since_the_look_before(monkeypatch: pytest.MonkeyPatch) -> None:
    own, times = identify(os.getpid()), iter([1.0, 1.5, 1.5])

    def use_time(pid: int) -> ProcessSample | None:
        is_own = pid == os.getpid()
        return ProcessSample(ProcessState.SLEEPING, next(times)) if is_own else None

    monkeypatch.setattr(process_look, "look_at", use_time)
    look, quiet = ProcessLook([own]), []
    for _ in range(2):
        look.look_again()
        quiet.append(look.at(own).is_quiet)

    assert quiet == [False, True]


def test_who_is_not_looked_at_again_stays_as_it_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    own, times = identify(os.getpid()), iter([1.0, 1.0, 9.0])

    def use_time(pid: int) -> ProcessSample | None:
        is_own = pid == os.getpid()
        return ProcessSample(ProcessState.SLEEPING, next(times)) if is_own else None

    monkeypatch.setattr(process_look, "look_at", use_time)
    look = ProcessLook([own])
    look.look_again()
    look.look_again(())

    assert look.at(own).is_quiet


@pytest.mark.parametrize(("ticks", "is_use"), [(1, False), (2, True)])
def test_one_clock_tick_between_two_looks_is_not_taken_for_use(ticks: int, is_use: bool) -> None:
    assert uses_cpu(ticks / os.sysconf("SC_CLK_TCK") / WINDOW) is is_use


@contextlib.contextmanager
def grown(code: str) -> Iterator[psutil.Process]:
    """Run code that forks once."""
    popen = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    root = psutil.Process(popen.pid)
    try:
        eventually(root.children)
        yield root
    finally:
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
