"""BaseApp: the app's part that deals with the terminal: colours, signals, notices, crashes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

import textual
from rich.console import Group
from rich.segment import Segments
from rich.text import Text
from textual import constants
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from kerneltui import paths
from kerneltui.protocol.text import clean_line
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.config.themes import paper
from kerneltui.tui.terminal.ascii_filter import AsciiOnly
from kerneltui.tui.terminal.driver import TerminalDriver
from kerneltui.tui.terminal.log_notices import LogNotices
from kerneltui.tui.terminal.ordered_keys import OrderedKeysApp
from kerneltui.tui.terminal.palette_filter import NearestOf256
from kerneltui.tui.terminal.shown_notice import NOTICES_KEPT, ShownNotice
from kerneltui.words import clock

TERMINAL_CHECK = (
    1.0  # seconds between two looks at the terminal: without one, Textual's reader spins
)
SIDE_BY_SIDE = 160  # columns from which table and output stand side by side
NOTICE_LIMIT = 500  # characters
DATE = "%Y-%m-%d %H:%M:%S"


class BaseApp(OrderedKeysApp):
    """An app that works in any terminal, and leaves it clean."""

    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 -- Textual's
        (0, "-narrow"),
        (60, "-stacked"),
        (SIDE_BY_SIDE, "-side-by-side"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (15, "-high")]  # noqa: RUF012 -- Textual's

    def __init__(self, settings: RunSettings) -> None:
        # Textual greys its colours under NO_COLOR; an ANSI theme writes none at all.
        self.has_colours = "NO_COLOR" not in os.environ
        super().__init__(ansi_color=None if self.has_colours else True)
        self.register_theme(paper())
        self.theme = settings.theme if self.has_colours else "ansi-dark"
        self._last_filters: list[LineFilter] = [AsciiOnly()] if settings.config.ascii else []
        if self.console.color_system == "256":
            self._last_filters.append(NearestOf256())
        self._problems = settings.problems
        self.notices: deque[ShownNotice] = deque(maxlen=NOTICES_KEPT)

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, self.exit)
        if not self.is_headless:
            self.set_interval(TERMINAL_CHECK, self._leave_lost_terminal)
        self.app_resume_signal.subscribe(self, lambda _: self.redraw())
        self._logged = LogNotices(self._tell_logged)
        for problem in self._problems:
            self.notify(problem, severity="warning")

    def on_unmount(self) -> None:
        self._logged.close()

    def get_driver_class(self) -> type[Driver]:
        """Return our driver, unless the environment asks for another."""
        return TerminalDriver if constants.DRIVER is None else super().get_driver_class()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._last_filters]

    def load_styles(self, screen: Screen[Any]) -> None:
        """Load the styles of a screen before it is pushed, and add the classes for its size.

        If they are missing later, Textual parses all styles again, and applies them to all widgets.
        """
        for path in screen.css_path:
            self.stylesheet.add_source(path.read_text("utf-8"), (str(path), ""))
        for size, breakpoints in zip(
            self.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True
        ):
            *_, fitting = (name for least, name in breakpoints if least <= size)
            screen.add_class(fitting, update=False)

    def redraw(self) -> None:
        """Paint the whole screen again."""
        self.screen.refresh(layout=True)

    def write_raw(self, sequence: str) -> None:
        """Send the terminal an escape sequence that is not part of the screen."""
        if self._driver is not None and sequence:
            self._driver.write(sequence)

    # -- leaving -------------------------------------------------------------------------

    def _leave_lost_terminal(self) -> None:
        """Quit if the terminal is gone: Textual would spin on its end of file."""
        if not os.isatty(0):
            self.exit()

    def _fatal_error(self) -> None:
        """Show where it failed, never the values of locals: keys may be among them."""
        self.bell()
        # Imported here: a start should not pay for them.
        from rich.traceback import Traceback

        from kerneltui.tui.terminal.crash_log import log_crash

        traceback = Traceback(show_locals=False, suppress=[textual])
        where = Segments(self.console.render(traceback, self.console.options))
        error = sys.exception()
        told = log_crash(error, paths.crash_file(), time.strftime(DATE)) if error else ""
        self._exit_renderables.append(Group(where, Text(told)))  # only one renderable is printed
        self._close_messages_no_wait()

    # -- notices -------------------------------------------------------------------------

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Literal["information", "warning", "error"] = "information",
        timeout: float | None = None,
        markup: bool = True,  # noqa: ARG002 -- Textual's
    ) -> None:
        """Show and keep a notice. Its text is cleaned, and no markup is read in it."""
        text = clean_line(message, NOTICE_LIMIT)
        self.notices.append(ShownNotice(clock(), severity, text))
        if not self.has_message_line:
            super().notify(text, title=title, severity=severity, timeout=timeout, markup=False)

    @property
    def has_message_line(self) -> bool:
        """The visible screen shows notices itself; if not, Textual shows them over it."""
        return False

    def _tell_logged(self, text: str, severity: Literal["warning", "error"]) -> None:
        self.notify(text, severity=severity)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report an error of our own code in a worker, and go on."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self.notify(f"internal error: {type(error).__name__}: {error}", severity="error")
