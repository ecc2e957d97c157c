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
    handler, the interpreter starts no threads.
    """
    waiting = deque(enumerate(calls))
    failures: Failures = [None] * len(calls)

    def work() -> None:
        with contextlib.suppress(IndexError):
            while True:
                number, call = waiting.popleft()
                failures[number] = _failure_of(call)

    threads: list[threading.Thread] = []
    with contextlib.suppress(RuntimeError):
        for _ in range(min(limit, len(calls)) - 1):
            thread = threading.Thread(target=work, name="kernel-shutdown")
            thread.start()
            threads.append(thread)
    work()
    for thread in threads:
        thread.join()
    return failures


def _failure_of(call: Callable[[], object]) -> BaseException | None:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - it is for the caller
        return error
    return None
