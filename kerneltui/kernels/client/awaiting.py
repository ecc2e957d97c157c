"""What the library needs in an event loop: to wait for sockets that tasks share, and threads."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from kerneltui.kernels.client.channels import ClientChannel
from kerneltui.protocol.message import Message

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """Call what blocks in a thread of its own. When the wait is cancelled, it goes on."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    # No executor: those take nothing once the main thread has ended, and a loop may end later.
    threading.Thread(target=_settle, args=(future, call), name="kernel-verb").start()
    return asyncio.wrap_future(future)


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is for who awaits
        future.set_exception(error)


def as_of_loop(future: Future[T]) -> asyncio.Future[T]:
    """Return a future to be awaited; one that is done is done at once, for who only looks."""
    if not future.done():
        return asyncio.wrap_future(future)
    done = asyncio.get_running_loop().create_future()
    if error := future.exception():
        done.set_exception(error)
        done.exception()  # who only looks need not take it
    else:
        done.set_result(future.result())
    return done


async def to_its_end(call: Callable[[], T]) -> T:
    """Return what a call returns that blocks, and not for long: it is over when this is cancelled.

    So nothing comes of it later that those who cancel do not expect.
    """
    future = in_thread(call)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        future.exception()  # it was not asked for
        raise


def awaited(
    verb: Callable[Concatenate[Any, P], T],
    run: Callable[[Callable[[], T]], Awaitable[T]] = in_thread,
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Return a verb that blocks as one to be awaited, which `run` has run in a thread."""

    @functools.wraps(verb)
    async def call(owner: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await run(partial(verb, owner, *args, **kwargs))

    return call


def passed_on(verb: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return a verb as it is: what it returns is what it was passed on to, which is awaited."""
    return cast(Callable[P, Coroutine[Any, Any, T]], verb)


class Bell:
    """Wakes all tasks that wait for one client's sockets, and each looks at its own.

    zmq shows on a descriptor that something has changed, until somebody uses the socket. So a
    use by one task must wake the others: theirs may be what has come.
    """

    def __init__(self) -> None:
        self._sleepers: set[asyncio.Future[None]] = set()
        self._watched: dict[int, asyncio.AbstractEventLoop] = {}

    def ring(self) -> None:
        """Wake all, and watch no descriptor any more: it may be closed after this."""
        for fd, loop in self._watched.items():
            loop.remove_reader(fd)
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._watched.clear()
        self._sleepers.clear()

    def call(self, change: Callable[[], object]) -> None:
        """Call what closes the sockets: in the loop's thread while tasks wait there."""
        loop = next(iter(self._watched.values()), None)
        if loop is None or not loop.is_running() or loop is asyncio._get_running_loop():
            change()
        else:
            loop.call_soon_threadsafe(change)

    async def wait(self, fds: Sequence[int], deadline: float | None) -> None:
        """Return once it rings, or a descriptor is readable, or at the deadline."""
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        self._sleepers.add(sleeper)
        for fd in fds:
            loop.add_reader(fd, self.ring)
            self._watched[fd] = loop
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        timer = None if left is None else loop.call_later(left, self.ring)
        try:
            await sleeper
        except BaseException:
            self.ring()
            raise
        finally:
            if timer is not None:
                timer.cancel()


class AsyncChannel(ClientChannel):
    """A channel whose messages are awaited."""

    bell: Bell

    def close(self) -> None:
        self.bell.ring()
        super().close()

    async def get_msg(self, timeout: float | None = None) -> Message:
        """Return the next message. Raises KernelTimeout (a queue.Empty) or KernelDied."""
        await asyncio.sleep(0)  # a flood leaves the loop to others
        return await self.next_message(timeout)

    async def get_msgs(self) -> list[Message]:
        return self.take_all()

    async def msg_ready(self) -> bool:
        return self.has_message()
