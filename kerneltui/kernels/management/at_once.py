"""Make several blocking calls at the same time."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence

Failures = list[BaseException | None]


def all_at_once(calls: Sequence[Callable[[], object]], limit: int) -> Failures:
    """Make all calls, `limit` at a time in threads; return what each raised, None for nothing.

    This thread is one of them. If no thread can be started, it makes all calls itself: in an exit
    handler, the interpreter starts no threads. Ctrl-C ends it at once: calls that other threads
    have begun go on, and no further ones are made.
    """
    waiting = deque(enumerate(calls))
    failures: Failures = [None] * len(calls)

    def work(caught: type[BaseException] = BaseException) -> None:
        with contextlib.suppress(IndexError):
            while True:
                number, call = waiting.popleft()
                failures[number] = _failure_of(call, caught)

    try:
        threads = _started(work, min(limit, len(calls)) - 1)
        work(Exception)
        for thread in threads:
            thread.join()
    except BaseException:
        waiting.clear()
        raise
    return failures


def _started(work: Callable[[], object], count: int) -> list[threading.Thread]:
    threads: list[threading.Thread] = []
    with contextlib.suppress(RuntimeError):
        for _ in range(count):
            thread = threading.Thread(target=work, name="kernel-shutdown")
            thread.start()
            threads.append(thread)
    return threads


def _failure_of(call: Callable[[], object], caught: type[BaseException]) -> BaseException | None:
    try:
        call()
    except caught as error:
        return error
    return None
