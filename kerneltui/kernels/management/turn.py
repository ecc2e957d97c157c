"""Turn: one verb at a time on one kernel, and a future that is done after the latest."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future


class Turn:
    """Held by the verb that changes the kernel's process; a verb may hold it more than once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.ready = _under_way()
        """Done when the latest verb has ended, also if it failed."""

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        with self._lock:
            self.ready = ready = _under_way()
            try:
                yield
            except BaseException as error:
                ready.set_exception(error)
                raise
            ready.set_result(None)


def _under_way() -> Future[None]:
    """Return a future that those who wait for it cannot cancel."""
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()
    return future
