"""Whose child is whose, and how often all processes are looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from kerneltui.kernels.processes.identity import ProcessIdentity, identify, identify_with_parent
from kerneltui.kernels.processes.stat import ProcessStat, read_stat
from kerneltui.kernels.processes.tree import Families, SharedLook, descendants, relatives, walk

NESTED = "import subprocess, sys; subprocess.run(['cat'])"


class Looks:
    """Looks that wait to be let through, and are numbered."""

    def __init__(self) -> None:
        self.count = 0
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def __call__(self) -> Families:
        self.count += 1
        number = self.count
        self.begun.release()
        self.may_end.acquire()
        return Families({number: ()}, {})


class Turnstile:
    """A lock that tells of each who comes to it."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.arrived.release()
        self._lock.acquire()

    def __exit__(self, *_reason: object) -> None:
        self._lock.release()


@pytest.fixture
def nested() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process whose child, `cat`, has been waiting for it to be read from."""
    with subprocess.Popen(
        [sys.executable, "-c", NESTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"here\n")
        process.stdin.flush()
        process.stdout.readline()  # the child echoes it: it is there
        yield process
        process.stdin.close()


def test_grandchildren_are_descendants(nested: subprocess.Popen[bytes]) -> None:
    found = {each.pid for each in descendants(os.getpid())}

    (child,) = descendants(nested.pid)
    assert {nested.pid, child.pid} <= found


def test_a_process_is_not_its_own_descendant(nested: subprocess.Popen[bytes]) -> None:
    assert nested.pid not in {each.pid for each in descendants(nested.pid)}


def test_descendant_is_identified_as_it_was_seen(nested: subprocess.Popen[bytes]) -> None:
    (child,) = descendants(nested.pid)

    assert child == identify(child.pid)


def test_parent_is_told_with_the_identity() -> None:
    found = identify_with_parent(os.getpid())

    assert found == (os.getppid(), identify(os.getpid()))


def test_ring_of_pids_used_anew_is_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (ProcessIdentity(pid, 0, "boot") for pid in (1001, 1002))
    ring = SharedLook(lambda: Families({1001: [two], 1002: [one]}, {}))
    monkeypatch.setattr("kerneltui.kernels.processes.tree._look_of", lambda _pid: ring)

    assert descendants(1001) == (two,)


def test_each_question_by_itself_has_a_look_of_its_own() -> None:
    looks = Looks()
    looks.may_end.release(2)
    shared = SharedLook(looks)

    assert [list(shared.families().children) for _ in range(2)] == [[1], [2]]


def test_questions_during_a_look_share_the_next() -> None:
    looks, turnstile = Looks(), Turnstile()
    shared = SharedLook(looks)
    shared._lock = turnstile  # type: ignore[assignment]  # it tells who waits
    answers: list[int] = []

    def ask() -> None:
        answers.extend(shared.families().children)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    threads[0].start()
    turnstile.arrived.acquire()
    looks.begun.acquire()
    for thread in threads[1:]:
        thread.start()
        turnstile.arrived.acquire()
    looks.may_end.release(2)

    for thread in threads:
        thread.join()

    assert sorted(answers) == [1, 2, 2, 2, 2]


def test_one_look_tells_the_relatives_of_many(
    nested: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = identify(nested.pid)
    assert parent is not None
    (child,) = descendants(nested.pid)
    once_more: list[int] = []

    def read(pid: int) -> ProcessStat | None:
        once_more.append(pid)
        return read_stat(pid)

    monkeypatch.setattr("kerneltui.kernels.processes.identity.read_stat", read)

    assert relatives(parent) == (child,)
    assert set(once_more) == {parent.pid}


def test_descendants_come_behind_their_parents_the_eldest_first() -> None:
    eldest, second, grandchild, other = (
        ProcessIdentity(pid, ticks, "boot") for pid, ticks in ((5, 1), (2, 2), (9, 3), (7, 4))
    )
    children = {1: [other, second, eldest], 5: [grandchild]}

    assert list(walk(1, children, without={7})) == [(eldest, 1), (grandchild, 2), (second, 1)]
