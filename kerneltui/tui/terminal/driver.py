"""TerminalDriver: Textual's driver, changed so that it survives the loss of the terminal."""

from __future__ import annotations

import contextlib
import sys
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App


class TerminalDriver(LinuxDriver):
    """Ignores errors of writing to a terminal that is gone.

    Textual's writing thread ends at the first error. The interface would then wait for ever
    for a place in that thread's queue.
    """

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert sys.__stderr__ is not None  # no dashboard opens without a terminal
        self._file = cast("TextIOWrapper", TerminalOutput(sys.__stderr__))


class TerminalOutput:
    """The file that the driver writes to. It ignores OSError."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def fileno(self) -> int:
        return self._file.fileno()

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()
