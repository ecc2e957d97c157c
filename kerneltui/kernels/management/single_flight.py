"""SingleFlight: an action that two threads ask for runs once, and both learn its outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from kerneltui.errors import ActionRefused


class SingleFlight:
    """Runs one action at a time; a caller that comes meanwhile waits for it and runs nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Future[None] | None = None

    def run(self, action: Callable[[], None], hurry: Callable[[], None] = lambda: None) -> None:
        """Call `action`, or wait for the call under way and return or raise what it does.

        `hurry`: called before that wait, to make it shorter.
        """
        with self._lock:
            under_way, mine = self._under_way, Future[None]()
            if under_way is None:
                self._under_way = mine
        if under_way is not None:
            hurry()  # not earlier: the call could be over then, and a second one would begin
            under_way.result()
            return
        try:
            action()
        except BaseException as error:
            self._under_way = None
            mine.set_exception(_for_others(error))
            raise
        self._under_way = None
        mine.set_result(None)


def _for_others(error: BaseException) -> Exception:
    """Return what the other callers raise: Ctrl-C is only for the thread that it interrupts."""
    if isinstance(error, Exception):
        return error
    return ActionRefused(f"the order under way was cut off: {type(error).__name__}")
