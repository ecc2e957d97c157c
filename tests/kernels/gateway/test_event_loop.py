"""Calls into an event loop end with their result, or when the loop is closed."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from kerneltui.errors import KernelError
from kerneltui.kernels.gateway import event_loop
from kerneltui.kernels.gateway.event_loop import EventLoop, LoopClosed, in_thread
from tests.support import Background, eventually, no_more_threads


class Log:
    """What happened in an event loop."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def note_last(self) -> None:
        self.lines.append("last")

    async def wait_for_ever(self) -> None:
        self.lines.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.lines.append("cancelled")
            raise


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def loop(log: Log) -> Iterator[EventLoop]:
    loop = EventLoop("gateway-test", log.note_last)
    loop.start()
    yield loop
    loop.close()


async def doubled(number: int) -> int:
    return 2 * number


async def failing() -> None:
    raise ZeroDivisionError


def test_a_call_returns_what_its_coroutine_does(loop: EventLoop) -> None:
    assert loop.call(doubled(4)) == 8


def test_a_call_raises_what_its_coroutine_does(loop: EventLoop) -> None:
    with pytest.raises(ZeroDivisionError):
        loop.call(failing())


def test_closing_cancels_the_calls_and_then_cleans_up(loop: EventLoop, log: Log) -> None:
    waiting = Background(lambda: loop.call(log.wait_for_ever()))
    eventually(lambda: log.lines)

    loop.close()

    with pytest.raises(LoopClosed):
        waiting.result()
    assert log.lines == ["begun", "cancelled", "last"]


def test_a_closed_loop_takes_no_calls(loop: EventLoop) -> None:
    loop.close()

    with pytest.raises(LoopClosed):
        loop.call(doubled(4))


def test_a_call_in_a_thread_returns_or_raises(loop: EventLoop) -> None:
    assert loop.call(in_thread(lambda: 5)) == 5
    with pytest.raises(ZeroDivisionError):
        loop.call(in_thread(lambda: 1 // 0))


def test_a_call_in_a_thread_does_not_hold_a_loop_that_is_closed(loop: EventLoop) -> None:
    begun, over = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        over.wait()

    waiting = Background(lambda: loop.call(in_thread(work)))
    begun.wait()

    loop.close()

    with pytest.raises(LoopClosed):
        waiting.result()
    over.set()


def test_a_thread_that_cannot_start_is_told(
    log: Log, loop: EventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = EventLoop("gateway-test", log.note_last)
    no_more_threads(monkeypatch)

    with pytest.raises(KernelError, match="ulimit -u"):
        second.start()
    with pytest.raises(KernelError, match="ulimit -u"):
        loop.call(in_thread(lambda: 5))


def test_a_loop_for_which_too_many_files_are_open_is_told(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(event_loop, "_Loop", fail)

    with pytest.raises(KernelError, match="cannot start an event loop: too many files are open"):
        EventLoop("gateway-test", log.note_last)


def test_a_program_ends_while_a_name_is_looked_up() -> None:
    program = """
import asyncio, socket, threading
from kerneltui.kernels.gateway.event_loop import EventLoop
asked = threading.Event()
def look_up(*_, **__):
    asked.set()
    threading.Event().wait()
socket.getaddrinfo = look_up
async def connect():
    await asyncio.get_running_loop().create_connection(asyncio.Protocol, "host", 80)
loop = EventLoop("loop", lambda: asyncio.sleep(0))
loop.start()
threading.Thread(target=loop.call, args=(connect(),), daemon=True).start()
asked.wait()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
