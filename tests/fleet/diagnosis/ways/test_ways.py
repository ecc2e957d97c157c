"""The least disturbing way that works is taken, and each probe disturbs as little as it can."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.diagnosis.stack import Refusal, StackThread, Way
from kerneltui.fleet.diagnosis.system_words import ThreadFacts, parse_stat, told
from kerneltui.fleet.diagnosis.ways import signal_probe
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found, Look, first_that_works
from kerneltui.fleet.diagnosis.ways.pyspy_probe import look_by_pyspy
from kerneltui.fleet.diagnosis.ways.signal_probe import (
    ThreadState,
    look_by_signal,
    takers,
    writer_for_all,
)
from kerneltui.fleet.diagnosis.ways.system_probe import look_at_system, state_of
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL, signal_number, with_hook
from tests.support import PATIENCE, eventually

WAIT = "import time\ndef nap():\n    print('ready', flush=True)\n    time.sleep(100)\nnap()"
NAMED = Found((StackThread("MainThread", True),))
SIGNUM = signal_number(STACK_SIGNAL) or 0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATIENCE", "OTHERS_PATIENCE"):
        monkeypatch.setattr(signal_probe, name, PATIENCE)


def refuse(why: str) -> Look:
    def look() -> Found:
        raise CannotLook(why)

    return look


class Sleeper:
    """A Python process that runs code, which sleeps in a function at last."""

    def __init__(self, log: Path, *options: str, code: str = WAIT) -> None:
        self.log = log
        log.touch(mode=0o600)
        with log.open("ab") as stderr:
            self.popen = subprocess.Popen(
                [sys.executable, *options, "-c", code],
                env=with_hook(os.environ, SIGNUM),
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self.popen.stdout is not None
        assert self.popen.stdout.readline() == b"ready\n"
        found = identify(self.popen.pid)
        assert found is not None
        self.identity: ProcessIdentity = found

    def end(self) -> None:
        self.popen.kill()
        self.popen.communicate()


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    made = Sleeper(tmp_path / "log")
    yield made
    made.end()


def test_the_first_way_that_works_is_taken_and_the_reasons_of_others_kept() -> None:
    stack = first_that_works(
        [(Way.SUBSHELL, refuse("no answer")), (Way.PYSPY, lambda: NAMED), (Way.SYSTEM, refuse("-"))]
    )

    assert (stack.way, stack.threads) == (Way.PYSPY, NAMED.threads)
    assert stack.refused == (Refusal(Way.SUBSHELL, "no answer"),)


def test_where_no_way_works_all_reasons_are_told() -> None:
    with pytest.raises(CannotLook, match=r"subshell: busy; system: gone"):
        first_that_works([(Way.SUBSHELL, refuse("busy")), (Way.SYSTEM, refuse("gone"))])


def waiting(tid: int, state: str = "S", held: int = 0) -> ThreadState:
    return ThreadState(tid, state, held)


def test_each_thread_that_takes_the_signal_is_asked_the_main_one_first() -> None:
    blocking = waiting(11, held=1 << (SIGNUM - 1))

    assert takers(12, [waiting(14), waiting(12), blocking, waiting(13)], SIGNUM) == [12, 13, 14]


def test_a_process_whose_main_thread_blocks_the_signal_is_refused() -> None:
    with pytest.raises(CannotLook, match="main thread does not take SIGRTMIN"):
        takers(10, [waiting(10, held=~0), waiting(11)], SIGNUM)


@pytest.mark.parametrize(
    ("threads", "writer"),
    [
        ([waiting(10), waiting(12), waiting(11)], 11),
        ([waiting(10), waiting(11, held=~0), waiting(12)], 12),
        ([waiting(10), waiting(11), waiting(12, "R")], None),
        ([waiting(10, "R"), waiting(11)], None),
        ([waiting(10)], None),
    ],
    ids=["all wait", "one blocks", "one runs", "the main one runs", "alone"],
)
def test_one_thread_writes_all_stacks_only_where_none_runs(
    threads: list[ThreadState], writer: int | None
) -> None:
    assert writer_for_all(10, threads, SIGNUM) == writer


def test_a_process_writes_its_stacks_to_its_log_at_the_signal(sleeper: Sleeper) -> None:
    (thread,) = look_by_signal(sleeper.identity, sleeper.log, is_silent=False).threads

    assert [each.function for each in thread.frames] == ["nap", "<module>"]
    assert sleeper.popen.poll() is None


RUN = f"""
import threading, time
def deep(calls):
    return deep(calls - 1) if calls else time.sleep(0)
def run():
    all_run.wait()
    while True:
        [deep(calls) for calls in (20, 60, 97, 150, 300, 600)]
all_run = threading.Barrier(5)
for _ in range(4):
    threading.Thread(target=run, daemon=True).start()
all_run.wait()
{WAIT}"""
"""Threads whose stacks grow and shrink, and give their memory back."""


def test_a_look_at_threads_that_run_does_not_end_their_process(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path / "log", code=RUN)

    looks = [look_by_signal(sleeper.identity, sleeper.log, is_silent=False) for _ in range(20)]

    assert sleeper.popen.poll() is None
    for main, *others in (each.threads for each in looks):
        assert [each.function for each in main.frames] == ["nap", "<module>"]
        told = [{frame.function for frame in each.frames} for each in others]
        assert len(told) == 4
        assert all(each & {"deep", "run"} for each in told)
    sleeper.end()


HOLD = """
import ctypes, threading, time
def doze():
    while True:
        time.sleep(0.001)
for _ in range(5):
    threading.Thread(target=doze, daemon=True).start()
print('ready', flush=True)
ctypes.PyDLL(None).sleep(1000)
print('cut short', flush=True)
time.sleep(1000)
"""
"""Its threads wait for the GIL, and wake up now and then."""


def test_a_call_that_waits_with_the_gil_held_is_not_cut_short(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path / "log", code=HOLD)

    def look() -> Found:
        return look_by_signal(sleeper.identity, sleeper.log, is_silent=True)

    eventually(lambda: look().threads[0].frames[0].line == 9)
    looks = [look() for _ in range(40)]

    assert {each.threads[0].frames[0].line for each in looks} == {9}
    assert len({len(each.threads) for each in looks}) == 1
    sleeper.end()


def test_a_process_whose_stacks_do_not_reach_the_log_is_refused(
    sleeper: Sleeper, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.touch(mode=0o600)

    with pytest.raises(CannotLook, match="has written nothing"):
        look_by_signal(sleeper.identity, other, is_silent=False)


def test_a_process_that_does_not_catch_the_signal_is_not_signalled(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path / "log", "-I")  # which has the hook ignored

    with pytest.raises(CannotLook, match="does not catch SIGRTMIN"):
        look_by_signal(sleeper.identity, sleeper.log, is_silent=False)

    assert sleeper.popen.poll() is None
    sleeper.end()


def test_a_process_that_nobody_has_prepared_is_not_signalled(tmp_path: Path) -> None:
    ours = identify(os.getpid())
    assert ours is not None

    with pytest.raises(CannotLook, match="not started to tell"):
        look_by_signal(ours, tmp_path / "log", is_silent=False)


@pytest.mark.skipif(
    shutil.which("py-spy") is None and not Path(sys.executable).with_name("py-spy").exists(),
    reason="needs py-spy",
)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to trace")
def test_py_spy_reads_a_process_that_knows_nothing_of_us(sleeper: Sleeper) -> None:
    (thread,) = look_by_pyspy(sleeper.identity).threads

    assert thread.main
    assert [each.function for each in thread.frames] == ["nap", "<module>"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_the_system_tells_what_a_process_waits_in(sleeper: Sleeper) -> None:
    eventually(lambda: state_of(sleeper.identity) == "S")

    (thread,) = look_at_system(sleeper.identity).threads

    assert thread.main
    assert thread.note.startswith("sleeps")
    assert thread.note.endswith("0 % CPU")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_stopped_process_is_known_to_be_stopped(sleeper: Sleeper) -> None:
    os.kill(sleeper.popen.pid, 19)

    eventually(lambda: state_of(sleeper.identity) == "T")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0", ("a) b", "S", 42.0)),
        ("7 (a) S 1 2", None),
        ("odd", None),
        ("7 (a) S 1 2 3 4 5 6 7 8 9 10 x y 0 0", None),
    ],
)
def test_a_stat_file_is_read_whatever_the_name(
    text: str, parsed: tuple[str, str, float] | None
) -> None:
    assert parse_stat(text) == parsed


def test_the_main_thread_comes_first_then_who_computes_most() -> None:
    before = [ThreadFacts(tid, "python", "S", "", 1.0) for tid in (7, 8, 9)]
    now = [
        ThreadFacts(7, "python", "S", "futex_wait", 1.0),
        ThreadFacts(8, "python", "S", "0", 1.0),
        ThreadFacts(9, "\x1bodd", "R", "", 1.5),
    ]

    threads = told(7, now, before, 0.5)

    assert [each.note for each in threads] == [
        "sleeps in futex_wait, 0 % CPU",
        "runs, 100 % CPU",
        "sleeps, 0 % CPU",
    ]
    assert [each.main for each in threads] == [True, False, False]
    assert "\x1b" not in threads[1].name
