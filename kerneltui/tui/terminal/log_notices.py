"""LogNotices: shows the log warnings of libraries as notices, because stderr is the screen."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Literal

Severity = Literal["warning", "error"]


class LogNotices(logging.Handler):
    """Create it in the thread of a running loop. It takes logs of any thread until closed."""

    def __init__(self, tell: Callable[[str, Severity], None]) -> None:
        """`tell`: called in the loop's thread."""
        super().__init__(logging.WARNING)
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        severity: Severity = "error" if record.levelno >= logging.ERROR else "warning"
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._tell, record.getMessage(), severity)

    def close(self) -> None:
        logging.getLogger().removeHandler(self)
        super().close()
