"""Short threads do what blocks, a few at once, and no way out waits long for them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from typing import TypeVar

import pytest

from kerneltui.tui.terminal.workers import Workers
from tests.support import PATIENCE, eventually

LONG = 1000.0  # seconds that no test takes
STUCK_AT_EXIT = """
import asyncio, threading
from kerneltui.tui.terminal.workers import Workers

async def leave():
    asyncio.get_running_loop().set_default_executor(Workers(1, patience=0.0))
    loop, begun = asyncio.get_running_loop(), asyncio.Event()
    call = lambda: (loop.call_soon_threadsafe(begun.set), threading.Event().wait())
    task = asyncio.create_task(asyncio.to_thread(call))
    await begun.wait()

asyncio.run(leave())
"""


T = TypeVar("T")


def result(future: Future[T]) -> T:
    return future.result(PATIENCE)


def test_a_call_gives_its_result() -> None:
    workers = Workers(1, patience=LONG)

    assert result(workers.submit(divmod, 7, 2)) == (3, 1)


def test_a_call_gives_what_it_raises() -> None:
    workers = Workers(1, patience=LONG)

    with pytest.raises(ZeroDivisionError):
        result(workers.submit(divmod, 7, 0))


def test_no_more_than_the_limit_run_at_once_and_all_of_them_in_the_end() -> None:
    workers, free, running = Workers(2, patience=LONG), threading.Event(), list[int]()

    def call(number: int) -> int:
        running.append(number)
        free.wait(PATIENCE)
        return number

    futures = [workers.submit(call, number) for number in range(5)]
    eventually(lambda: len(running) == 2)
    assert not futures[2].running()
    free.set()

    assert [result(future) for future in futures] == [0, 1, 2, 3, 4]


def test_a_call_that_was_cancelled_before_its_turn_is_not_made() -> None:
    workers, free, made = Workers(1, patience=LONG), threading.Event(), list[int]()
    first = workers.submit(free.wait, PATIENCE)
    second = workers.submit(made.append, 2)

    second.cancel()
    free.set()
    result(first)
    workers.shutdown()

    assert made == []


def test_the_end_waits_for_a_call_that_is_done_in_time() -> None:
    workers, free = Workers(1, patience=LONG), threading.Event()
    future = workers.submit(free.wait, PATIENCE)
    threading.Timer(0.05, free.set).start()

    workers.shutdown()

    assert future.done()


def test_the_end_waits_no_longer_than_it_has_patience() -> None:
    workers, free = Workers(1, patience=0.05), threading.Event()
    future = workers.submit(free.wait, LONG)
    begun = time.monotonic()

    workers.shutdown()

    assert time.monotonic() - begun < PATIENCE
    assert not future.done()
    free.set()


def test_after_the_end_no_call_is_taken() -> None:
    workers = Workers(1, patience=LONG)
    workers.shutdown()

    with pytest.raises(RuntimeError):
        workers.submit(divmod, 7, 2)


def test_a_thread_that_cannot_be_started_is_told_and_counts_as_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers(1, patience=LONG)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            workers.submit(divmod, 7, 2)

    assert result(workers.submit(divmod, 9, 2)) == (4, 1)


def test_a_loop_takes_them_for_its_own() -> None:
    async def divide() -> object:
        asyncio.get_running_loop().set_default_executor(Workers(1, patience=LONG))
        return await asyncio.to_thread(divmod, 7, 2)

    assert asyncio.run(divide()) == (3, 1)


def test_a_call_without_an_end_keeps_no_program_from_ending() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STUCK_AT_EXIT], timeout=PATIENCE, capture_output=True, text=True
    )

    assert (ended.returncode, ended.stderr) == (0, "")
