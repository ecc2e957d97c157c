"""Help for event loops: wait for sockets that tasks share, run blocking calls in threads."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from kerneltui.kernels.client.channels import ClientChannel
from kerneltui.protocol.message import Message

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(call: Callable[[], T], *, daemon: bool = False) -> asyncio.Future[T]:
    """Make a blocking call in a thread of its own. It goes on if the wait is cancelled.

    `daemon`: the program may end before the call does.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    # Not an executor: it takes no calls once the main thread has ended, and a loop may end later.
    name, settle = "kernel-verb", partial(_settle, future, call)
    threading.Thread(target=settle, name=name, daemon=daemon).start()
    return asyncio.wrap_future(future)


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is for the task that awaits
        future.set_exception(error)


def as_of_loop(future: Future[T]) -> asyncio.Future[T]:
    """Return a future of the running loop for `future`.

    If `future` is done, the new one is done at once: `done()` is right without awaiting it.
    """
    if not future.done():
        return asyncio.wrap_future(future)
    done = asyncio.get_running_loop().create_future()
    if error := future.exception():
        done.set_exception(error)
        done.exception()  # asyncio would complain if it is not awaited
    else:
        done.set_result(future.result())
    return done


async def to_its_end(call: Callable[[], T]) -> T:
    """Make a short blocking call in a thread and return its result.

    If this is cancelled, it waits for the end of the call: so the call does nothing that the task
    does not expect after the cancellation.
    """
    future = in_thread(call)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            with contextlib.suppress(asyncio.CancelledError):  # once more
                await asyncio.wait([future])
        future.exception()  # not wanted any more
        raise


def awaited(
    verb: Callable[Concatenate[Any, P], T],
    run: Callable[[Callable[[], T]], Awaitable[T]] = in_thread,
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Return a blocking verb as one to be awaited; `run` has it run in a thread."""

    @functools.wraps(verb)
    async def call(owner: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await run(partial(verb, owner, *args, **kwargs))

    return call


def passed_on(verb: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return a verb as it is, with the type of a coroutine function.

    It passes the call on to a verb that is one, and returns what is to be awaited.
    """
    return cast(Callable[P, Coroutine[Any, Any, T]], verb)


class Bell:
    """Wakes all tasks that wait for one client's sockets; each then looks at its own.

    zmq's descriptor shows that something has changed, until one task uses the socket. So a use by
    one task must wake the others: the message may be for them.
    """

    def __init__(self) -> None:
        self._loops: list[asyncio.AbstractEventLoop] = []
        """Of each task that uses the sockets now."""
        self._sleepers: set[asyncio.Future[None]] = set()
        self._watched: dict[int, asyncio.AbstractEventLoop] = {}

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Have other threads leave the sockets open while a task looks at them and waits."""
        loop = asyncio.get_running_loop()
        self._loops.append(loop)
        try:
            yield
        finally:
            self._loops.remove(loop)

    def ring(self) -> None:
        """Wake all tasks, and stop watching the descriptors: they may be closed after this."""
        for fd, loop in self._watched.items():
            loop.remove_reader(fd)
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._watched.clear()
        self._sleepers.clear()

    def call(self, change: Callable[[], object]) -> None:
        """Call `change`, which closes the sockets: in the loop's thread if tasks use them there."""
        loop = next(iter(self._loops), None)
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
        await asyncio.sleep(0)  # other tasks get their turn during a flood of messages
        return await self.next_message(timeout)

    async def get_msgs(self) -> list[Message]:
        return self.take_all()

    async def msg_ready(self) -> bool:
        return self.has_message()
