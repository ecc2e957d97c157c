"""GatewayLoop: the thread with one event loop for the websockets of all relays."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from kerneltui.kernels.gateway.event_loop import EventLoop, LoopClosed

_T = TypeVar("_T")


class GatewayLoop:
    """An event loop in a thread that runs while it has users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: EventLoop | None = None

    def enter(self) -> None:
        """Start the thread, unless it runs for another user. Raises KernelError."""
        with self._lock:
            if self._loop is None:
                loop = EventLoop("gateway", lambda: asyncio.sleep(0))
                loop.start()
                self._loop = loop
            self._users += 1

    def leave(self) -> None:
        """End the thread, unless it has another user; wait for its end."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            left, self._loop = self._loop, None
        if left is not None:  # beyond the lock: who enters meanwhile starts another one
            left.close()

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Wait for a coroutine, for a user that has entered. Raises what the coroutine raises."""
        if self._loop is None:
            work.close()
            raise LoopClosed
        return self._loop.call(work)


def gateway_loop() -> GatewayLoop:
    """Return this process's loop: one thread serves any number of relays."""
    return _loop_of(os.getpid())


@functools.cache
def _loop_of(_pid: int) -> GatewayLoop:  # a fork has none of its parent's threads
    return GatewayLoop()
