"""NoticeBoard: keeps news for the user until a front end takes them."""

from __future__ import annotations

import logging
from collections import deque
from typing import Literal

from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

KEPT = 200  # notices that wait for a front end
NOTICE_WIDTH = 500  # characters

Severity = Literal["information", "warning", "error"]


@frozen
class Notice:
    """A sentence for the user; clean text."""

    severity: Severity
    text: str
    kernel_id: str = ""
    """The kernel whose end it reports; "" for other news."""


class NoticeBoard(logging.Handler):
    """Collects notices, including the warnings and errors that the library logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._log = logging.getLogger("kerneltui")
        self._notices: deque[Notice] = deque(maxlen=KEPT)

    def open(self) -> None:
        """Take over the library's log, which would spoil the screen of a dashboard."""
        self._log.addHandler(self)
        self._log.propagate = False

    def close(self) -> None:
        self._log.removeHandler(self)
        self._log.propagate = True
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        severity: Severity = "error" if record.levelno >= logging.ERROR else "warning"
        error = f": {record.exc_info[1]!r}" if record.exc_info else ""
        self.post(Notice(severity, clean_line(record.getMessage() + error, NOTICE_WIDTH)))

    def warn(self, text: str) -> None:
        self.post(Notice("warning", clean_line(text, NOTICE_WIDTH)))

    def post(self, notice: Notice) -> None:
        self._notices.append(notice)

    def take(self) -> tuple[Notice, ...]:
        """Return what was posted since the last call."""
        taken = []
        while self._notices:
            taken.append(self._notices.popleft())
        return tuple(taken)
