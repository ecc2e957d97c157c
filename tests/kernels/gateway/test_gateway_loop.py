"""GatewayLoop: one thread for all users, while there are any."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kerneltui.errors import KernelError
from kerneltui.kernels.gateway.event_loop import LoopClosed, in_thread
from kerneltui.kernels.gateway.gateway_loop import GatewayLoop
from tests.support import PATIENCE, Background, eventually, no_more_threads


async def thread_name() -> str:
    return threading.current_thread().name


def test_users_share_one_thread_until_the_last_one_leaves() -> None:
    loop = GatewayLoop()
    loop.enter()
    loop.enter()
    loop.leave()

    name = loop.call(thread_name())
    loop.leave()

    assert name == "gateway"
    with pytest.raises(LoopClosed):
        loop.call(thread_name())


def test_a_new_user_does_not_wait_for_the_end_of_what_is_left() -> None:
    loop, has_begun, may_end = GatewayLoop(), threading.Event(), threading.Event()

    async def end_late() -> None:
        has_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await in_thread(may_end.wait)

    loop.enter()
    call = Background(lambda: loop.call(end_late()))
    assert has_begun.wait(PATIENCE)
    leaving = Background(loop.leave)
    eventually(lambda: loop._loop is None)

    Background(loop.enter).result()

    assert not leaving.over
    may_end.set()
    leaving.result()
    with pytest.raises(LoopClosed):
        call.result()
    loop.leave()


def test_a_thread_that_cannot_start_leaves_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = GatewayLoop()
    with monkeypatch.context() as refusing:
        no_more_threads(refusing)
        with pytest.raises(KernelError, match="ulimit -u"):
            loop.enter()

    loop.enter()

    assert loop.call(thread_name()) == "gateway"
    loop.leave()
    with pytest.raises(LoopClosed):
        loop.call(thread_name())
