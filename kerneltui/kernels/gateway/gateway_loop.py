"""GatewayLoop: the thread with one event loop for the websockets of all relays."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from kerneltui.kernels.processes.guarded_thread import GuardedThread

T = TypeVar("T")


class GatewayLoop:
    """An event loop in a thread that runs while it has users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: GuardedThread | None = None

    def enter(self) -> None:
        """Start the thread, unless it runs for another user."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._loop = asyncio.new_event_loop()
                self._thread = GuardedThread(self._loop.run_forever, "gateway")
                self._thread.start()

    def leave(self) -> None:
        """End the thread, unless it has another user; wait for its end."""
        with self._lock:
            self._users -= 1
            loop, thread = self._loop, self._thread
            if self._users or loop is None or thread is None:
                return
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            self._loop = self._thread = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the loop, for a user that has entered."""
        loop = self._loop
        if loop is None:
            work.close()
            raise RuntimeError("the gateway's thread does not run")
        return asyncio.run_coroutine_threadsafe(work, loop)


def gateway_loop() -> GatewayLoop:
    """Return this process's loop: one thread serves any number of relays."""
    return _loop_of(os.getpid())


@functools.cache
def _loop_of(_pid: int) -> GatewayLoop:  # a fork's threads are its parent's
    return GatewayLoop()
