"""Waits in the event loop for a future of another thread, until a deadline."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


async def settle(future: Future[_T], deadline: float) -> _T | None:
    """Return the future's result; None when it failed or took longer than `deadline` seconds.

    Never cancels: the thread that owns the future may be about to set it.
    """
    waiter = asyncio.wrap_future(future)
    waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({waiter}, timeout=deadline)
    if not waiter.done() or waiter.cancelled() or waiter.exception() is not None:
        return None
    return waiter.result()
