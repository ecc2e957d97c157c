"""Workers: threads for calls that block. Quitting waits only a moment for them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kerneltui.kernels.processes.guarded_thread import GuardedThread

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.worker import Worker

P = ParamSpec("P")
T = TypeVar("T")


class Workers(ThreadPoolExecutor):
    """Makes at most `limit` calls at once, each in a daemon thread.

    It is a ThreadPoolExecutor because asyncio takes no other class. The threads of Python's own
    are joined when the loop ends and when Python ends, however long a call waits for a server.
    """

    def __init__(self, limit: int, patience: float) -> None:
        """`patience`: seconds that `shutdown` waits for running calls."""
        super().__init__(limit)
        self._limit = limit
        self._patience = patience
        self._changed = threading.Condition()
        self._calls: deque[Callable[[], None]] = deque()
        """Calls that wait for a free thread."""
        self._running = 0
        self._is_over = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        call = partial(_make, future, partial(fn, *args, **kwargs))
        with self._changed:
            if self._is_over:
                raise RuntimeError("the program is about to end")
            if self._running < self._limit:
                GuardedThread(partial(self._work, call), "verb").start()
                self._running += 1
            else:
                self._calls.append(call)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 -- none is begun after the end
        with self._changed:
            self._is_over = True
            self._calls.clear()
            if wait:
                self._changed.wait_for(lambda: not self._running, self._patience)

    # -- runs in a thread of ours ---------------------------------------------------------

    def _work(self, call: Callable[[], None]) -> None:
        while True:
            call()
            with self._changed:
                if not self._calls:
                    self._running -= 1
                    self._changed.notify_all()
                    return
                call = self._calls.popleft()


def _make(future: Future[T], call: Callable[[], T]) -> None:
    """Make a call, unless it was cancelled; put its result or error into the future."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised for the caller that waits
        future.set_exception(error)
    else:
        future.set_result(result)


def begin(
    node: DOMNode,
    work: Callable[[], Coroutine[Any, Any, None]],
    *,
    group: str = "default",
    exclusive: bool = False,
) -> None:
    """Run `work` in a worker of `node`. An error is shown as a notice; the app goes on.

    `work`: makes the coroutine when the worker begins, so that no coroutine is left without an
    await if the app ends before. `exclusive`: cancel other workers of the group.
    """
    _: Worker[None] = node.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)
