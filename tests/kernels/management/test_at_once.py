"""What blocks is called at once, and one after another where no thread can be had."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from kerneltui.kernels.management.at_once import all_at_once
from tests.support import PATIENCE


def test_all_are_called_at_once() -> None:
    together = threading.Barrier(3, timeout=PATIENCE)

    assert all_at_once([together.wait] * 3, 3) == [None] * 3


def test_no_more_than_the_limit_are_under_way() -> None:
    seen: list[str] = []

    all_at_once([lambda: seen.append(threading.current_thread().name)] * 5, 1)

    assert seen == [threading.current_thread().name] * 5


def test_each_failure_is_returned_in_its_place() -> None:
    error = IndexError("stuck")

    def fail() -> None:
        raise error

    assert all_at_once([fail, list, fail], 2) == [error, None, error]


def test_without_threads_all_are_called_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    seen: list[int] = []

    all_at_once([partial(seen.append, number) for number in range(3)], 3)

    assert seen == [0, 1, 2]


def test_an_interrupt_ends_the_caller_and_makes_no_further_calls() -> None:
    seen: list[int] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        all_at_once([interrupt, partial(seen.append, 1)], 1)

    assert seen == []


def test_what_ends_another_thread_is_returned_in_its_place() -> None:
    here, both, end = (
        threading.current_thread(),
        threading.Barrier(2, timeout=PATIENCE),
        SystemExit(),
    )

    def leave() -> None:
        both.wait()
        if threading.current_thread() is not here:
            raise end

    assert set(all_at_once([leave, leave], 2)) == {None, end}


def test_nothing_is_called_of_nothing() -> None:
    assert all_at_once([], 3) == []
