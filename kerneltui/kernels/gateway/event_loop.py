"""EventLoop: a thread with an asyncio event loop, for callers in other threads that wait."""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from kerneltui.errors import KernelError
from kerneltui.kernels.processes.guarded_thread import GuardedThread
from kerneltui.kernels.processes.nofile import describe_shortage
from kerneltui.kernels.processes.thread_room import start_thread

_T = TypeVar("_T")


class LoopClosed(Exception):
    """An event loop that was closed before or during a call."""


class EventLoop:
    """A daemon thread with an asyncio event loop.

    `last`: awaited in it when it is closed, after all calls have been cancelled.
    """

    def __init__(self, name: str, last: Callable[[], Awaitable[object]]) -> None:
        """Raises KernelError if too many files are open."""
        self._last = last
        self._loop = _new_loop()
        self._lock = threading.Lock()
        self._closed = False
        self._stop = asyncio.Event()
        self._thread = GuardedThread(self._run, name)

    def start(self) -> None:
        """Start the thread. Raises KernelError if there is no room for it."""
        try:
            start_thread(self._thread)
        except KernelError:
            self._loop.close()
            raise

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Wait for a coroutine. Raises LoopClosed, and what the coroutine raises."""
        with self._lock:
            if self._closed:
                work.close()
                raise LoopClosed
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise LoopClosed from None
        finally:
            future.cancel()  # the caller was interrupted; nothing happens if it is done

    def close(self) -> None:
        """Cancel all calls and end the thread."""
        with self._lock:
            was_closed, self._closed = self._closed, True
        if not was_closed:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # -- runs in the thread ----

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self._stop.wait()
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self._last()


async def in_thread(work: Callable[[], _T]) -> _T:
    """Wait for a call in a daemon thread.

    asyncio's own threads keep the program from ending while the system looks up a name. Raises
    KernelError if there is no room for a thread.
    """
    future: concurrent.futures.Future[_T] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()  # from here on it cannot be cancelled, only left alone

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller, which waits
            future.set_exception(error)

    start_thread(threading.Thread(target=run, name="server-helper", daemon=True))
    return await asyncio.wrap_future(future)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose name look-ups do not keep the program from ending."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        return await in_thread(lambda: socket.getaddrinfo(host, port, **options))


def _new_loop() -> _Loop:
    try:
        return _Loop()
    except OSError as error:
        reason = describe_shortage(error) or error.strerror
        raise KernelError(f"cannot start an event loop: {reason}") from None
