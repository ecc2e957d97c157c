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
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found, Look, first_that_works
from kerneltui.fleet.diagnosis.ways.pyspy_probe import look_by_pyspy
from kerneltui.fleet.diagnosis.ways.signal_probe import ThreadState, choose_thread, look_by_signal
from kerneltui.fleet.diagnosis.ways.system_probe import look_at_system, state_of
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL, signal_number, with_hook
from tests.support import eventually

WAIT = "import time\ndef nap():\n    print('ready', flush=True)\n    time.sleep(100)\nnap()"
NAMED = Found((StackThread("MainThread", True),))
SIGNUM = signal_number(STACK_SIGNAL) or 0


def refuse(why: str) -> Look:
    def look() -> Found:
        raise CannotLook(why)

    return look


class Sleeper:
    """A Python process that sleeps in a function."""

    def __init__(self, log: Path, *options: str) -> None:
        self.log = log
        log.touch(mode=0o600)
        with log.open("ab") as stderr:
            self.popen = subprocess.Popen(
                [sys.executable, *options, "-c", WAIT],
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


@pytest.mark.parametrize(
    ("main", "others", "chosen"),
    [
        (("R", 0), [(12, 0), (11, 0)], 10),
        (("S", 0), [(12, 0), (11, 0)], 11),
        (("S", 0), [(11, 1 << (SIGNUM - 1)), (12, 0)], 12),
        (("S", 0), [], 10),
        (("S", 1 << (SIGNUM - 1)), [(12, 0)], 12),
    ],
    ids=["runs", "waits", "blocked", "alone", "main blocks"],
)
def test_a_main_thread_that_waits_is_not_signalled_where_another_can_be(
    main: tuple[str, int], others: list[tuple[int, int]], chosen: int
) -> None:
    threads = [ThreadState(10, *main), *(ThreadState(tid, "S", mask) for tid, mask in others)]

    assert choose_thread(10, threads, SIGNUM) == chosen


def test_no_thread_that_takes_the_signal_is_refused() -> None:
    with pytest.raises(CannotLook, match="takes"):
        choose_thread(10, [ThreadState(10, "S", ~0)], SIGNUM)


def test_a_process_writes_its_stacks_to_its_log_at_the_signal(sleeper: Sleeper) -> None:
    (thread,) = look_by_signal(sleeper.identity, sleeper.log).threads

    assert [each.function for each in thread.frames] == ["nap", "<module>"]
    assert sleeper.popen.poll() is None


def test_a_process_that_does_not_catch_the_signal_is_not_signalled(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path / "log", "-I")  # which has the hook ignored

    with pytest.raises(CannotLook, match="does not catch SIGRTMIN"):
        look_by_signal(sleeper.identity, sleeper.log)

    assert sleeper.popen.poll() is None
    sleeper.end()


def test_a_process_that_nobody_has_prepared_is_not_signalled(tmp_path: Path) -> None:
    ours = identify(os.getpid())
    assert ours is not None

    with pytest.raises(CannotLook, match="not started to tell"):
        look_by_signal(ours, tmp_path / "log")


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
