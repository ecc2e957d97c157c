"""Terminal: runs a program in a pty, and measures what it writes and when."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import psutil
import pyte

COLUMNS, LINES = 120, 40
PATIENCE = 180.0  # seconds for a program to show something
_ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|[\]P_^X][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-~])")


class Terminal:
    """Runs a program in a pty. A thread reads its output until the terminal is closed."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._written = bytearray()
        self._ended = False
        self.first_frame_at = 0.0
        """Instant of `time.perf_counter()` at which the first text appeared."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.begun_at = time.perf_counter()
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            os.close(self._master)

    def press(self, key: str) -> None:
        """Type a key, as the terminal writes it."""
        os.write(self._master, key.encode())

    def wait_until(self, shown: Callable[[str], bool]) -> None:
        """Return once `shown` is true of the screen. Raises TimeoutError; at once if it ended."""
        with self._changed:
            self._changed.wait_for(lambda: shown(self._text()) or self._ended, PATIENCE)
            if not shown(self._text()):
                raise TimeoutError(f"never shown; the screen:\n{self._text()}")

    def wait_for_first_frame(self) -> float:
        """Return the seconds from the program's start to its first text."""
        self.wait_until(lambda _text: self.first_frame_at > 0)
        return self.first_frame_at - self.begun_at

    @property
    def byte_count(self) -> int:
        """How many bytes the program has written."""
        return len(self._written)

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the program itself, without its children."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def _text(self) -> str:
        return "\n".join(self._screen.display)

    # -- runs in the reader's thread ----

    def _read(self) -> None:
        # When the program closes its side, Linux raises an error instead of an end of file.
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 1 << 16):
                self._take(data)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, data: bytes) -> None:
        with self._changed:
            self._written += data
            if not self.first_frame_at and _ESCAPES.sub(b"", bytes(self._written)).strip():
                self.first_frame_at = time.perf_counter()
            self._stream.feed(data)
            self._changed.notify_all()
