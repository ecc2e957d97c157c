"""What fails in a thread is told, and the thread goes on."""

from __future__ import annotations

import threading

import pytest

from kerneltui.errors import KernelError
from kerneltui.kernels.processes import guarded_thread
from kerneltui.kernels.processes.guarded_thread import (
    FORGET,
    Failures,
    GuardedThread,
    LoopThread,
    describe_failure,
)
from tests.support import PATIENCE, eventually

SECRET = "the-key-of-a-kernel"


class Flaky:
    """Work that fails at its first calls."""

    def __init__(self, failures: int) -> None:
        self.calls = 0
        self.came_again = threading.Event()
        self._failures = failures

    def __call__(self) -> None:
        self.calls += 1
        if self.calls <= self._failures:
            raise RuntimeError(SECRET)
        self.came_again.set()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_thread, "PAUSE", 0.0)


@pytest.mark.usefixtures("no_pause")
def test_a_turn_that_fails_is_told_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turn = Flaky(1)
    thread = LoopThread(turn, "test-background")

    thread.start()
    assert turn.came_again.wait(PATIENCE)
    thread.end()
    thread.join()

    assert "test-background failed: RuntimeError" in caplog.text


def test_a_turn_that_fails_is_not_repeated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_thread, "PAUSE", PATIENCE)
    turn = Flaky(1)
    thread = LoopThread(turn, "test-background")

    thread.start()
    eventually(lambda: turn.calls)
    thread.end()
    thread.join()

    assert turn.calls == 1


@pytest.mark.usefixtures("no_pause")
def test_the_last_work_is_done_after_a_turn_that_failed() -> None:
    last = threading.Event()
    turn = Flaky(1_000_000)
    thread = LoopThread(turn, "test-background", last=last.set)

    thread.start()
    eventually(lambda: turn.calls)
    thread.end()
    thread.join()

    assert last.is_set()


def test_work_done_once_that_fails_is_told(caplog: pytest.LogCaptureFixture) -> None:
    thread = GuardedThread(Flaky(1), "test-background")

    thread.start()
    thread.join()

    assert "test-background failed: RuntimeError" in caplog.text


def test_the_same_failure_is_told_once_while_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    failures = Failures("usage", lambda: now[0])
    work = Flaky(10)
    for _ in range(5):
        failures.attempt(work)
        now[0] += FORGET / 2

    assert len(caplog.records) == 1


def test_a_failure_that_comes_back_later_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    failures = Failures("usage", lambda: now[0])
    work = Flaky(10)
    failures.attempt(work)
    now[0] += FORGET
    failures.attempt(work)

    assert len(caplog.records) == 2


def test_a_failure_is_told_without_the_values_of_variables(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Failures("usage").attempt(Flaky(1))

    assert SECRET not in caplog.text
    assert "test_guarded_thread.py:" in caplog.text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(24, "Too many open files"), "OSError: Too many open files"),
        (KernelError("kernel 3f2a is gone"), "KernelError: kernel 3f2a is gone"),
        (ValueError(SECRET), "ValueError"),
    ],
)
def test_a_failure_is_told_in_words_that_hold_no_secret(error: Exception, text: str) -> None:
    assert describe_failure(error) == text
