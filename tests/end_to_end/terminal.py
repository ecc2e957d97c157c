"""Terminal: runs the real program in a pty, and reads its screen as a person does."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self

import pyte

PATIENCE = 60.0  # seconds; on a busy machine a kernel starts slowly
AGAIN = 10.0  # seconds after which keys have had no effect
LOOK = 0.02  # seconds between two looks at a condition while nothing is written
CHUNK = 65536  # bytes

KEYS = {
    "alt+enter": b"\x1b\r",
    "backspace": b"\x7f",
    "ctrl+c": b"\x03",
    "ctrl+d": b"\x04",
    "ctrl+o": b"\x0f",
    "ctrl+r": b"\x12",
    "ctrl+s": b"\x13",
    "ctrl+u": b"\x15",
    "ctrl+z": b"\x1a",
    "down": b"\x1b[B",
    "end": b"\x1b[F",
    "enter": b"\r",
    "escape": b"\x1b",
    "home": b"\x1b[H",
    "tab": b"\t",
    "up": b"\x1b[A",
}
"""What a terminal sends for a key; any other key is sent as its own character."""

# The pty becomes the program's controlling terminal, so that a hang-up reaches it.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios;"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
# Sequences of the kitty protocol: pyte would show them as letters.
_NOT_FOR_PYTE = re.compile(r"\x1b\[[<=>][0-9;]*[a-z]")
_BEGUN = re.compile(r"\x1b(\[[0-9;<=>?$]*)?$")
# Output between these two is painted as one: a look never sees half a frame.
_FRAME_BEGINS, _FRAME_ENDS = "\x1b[?2026h", "\x1b[?2026l"
_ASKS_FOR_FRAMES, _HAS_FRAMES = b"\x1b[?2026$p", b"\x1b[?2026;2$y"


class Terminal:
    """A program, and the terminal in which it runs. Made by `open`."""

    def __init__(self, master: int, process: subprocess.Popen[bytes], size: tuple[int, int]):
        self.process = process
        self.raw = b""
        """All bytes that the program has written."""
        self._master = master
        self._screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self._screen)
        self._decode = _Decoder()
        self._lines: dict[int, str] = {}
        """Rows as they were read last: most do not change between two looks."""

    @classmethod
    def open(
        cls,
        command: Sequence[str],
        *,
        size: tuple[int, int],
        environment: Mapping[str, str],
        cwd: Path,
    ) -> Self:
        """Run `command` in a new terminal of `size`: columns and rows."""
        master, slave = os.openpty()
        _set_size(slave, size)
        process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        return cls(master, process, size)

    def close(self) -> None:
        """End the program, whatever it does."""
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    # -- what the user does --------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Press keys, each given by its name or its character."""
        for key in keys:
            self._write(KEYS.get(key) or key.encode())

    def type(self, text: str) -> None:
        self._write(text.encode())

    def paste(self, text: str) -> None:
        """Paste as a terminal does for a program that has switched bracketed paste on."""
        self._write(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        _set_size(self._master, (columns, rows))
        self._screen.resize(rows, columns)

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    # -- what the user sees --------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        screen = self._screen
        for row in screen.dirty:
            cells = screen.buffer[row]
            text = "".join(cells[column].data for column in range(screen.columns))
            self._lines[row] = text.rstrip()
        screen.dirty.clear()
        return [self._lines[row] for row in range(screen.lines)]

    @property
    def columns(self) -> int:
        return int(self._screen.columns)

    @property
    def text(self) -> str:
        """The whole screen, a line each."""
        return "\n".join(self.lines)

    @property
    def line_of_cursor(self) -> str:
        """The line with the terminal's cursor."""
        return self.lines[self._screen.cursor.y]

    def shows(self, text: str) -> bool:
        return text in self.text

    def wait_for(self, wanted: str | Callable[[], object], within: float = PATIENCE) -> None:
        """Return once a text is on the screen or a condition holds; fail the test otherwise."""
        is_so = partial(self.shows, wanted) if isinstance(wanted, str) else wanted
        assert self._becomes_true(is_so, within), f"waited for {wanted!r}, saw:\n{self.text}"

    def press_until(self, keys: Sequence[str], condition: Callable[[], object]) -> None:
        """Press keys that count only if the program handles them in time, again if it did not."""
        self.press(*keys)
        if not self._becomes_true(condition, AGAIN):
            self.press(*keys)
            self.wait_for(condition)

    def _becomes_true(self, condition: Callable[[], object], within: float) -> bool:
        """Tell whether a condition holds within so many seconds."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._read(LOOK)
        return True

    def wait_for_end(self, within: float = PATIENCE) -> int:
        """Wait for the program's end, read the rest of its output, and return its exit code."""
        self.wait_for(lambda: self.process.poll() is not None, within)
        while self._read(0):
            pass
        return self.process.returncode

    def signal(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    # -- bytes ---------------------------------------------------------------------------

    def _write(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def _read(self, timeout: float) -> bool:
        """Read what the program has written; tell whether there was anything."""
        if self._master < 0:
            time.sleep(timeout)
            return False
        if not select.select([self._master], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self._master, CHUNK)
        except OSError:  # Linux's end of file once no process holds the other side
            data = b""
        self.raw += data
        if _ASKS_FOR_FRAMES in data:
            self._write(_HAS_FRAMES)
        self._stream.feed(self._decode(data))
        return bool(data)


class _Decoder:
    """Turns bytes into text for pyte. A character, a sequence or a frame may come in parts."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def __call__(self, data: bytes) -> str:
        text = self._rest + self._decode(data)
        begun = _BEGUN.search(text)
        whole = begun.start() if begun else len(text)
        if (frame := text.rfind(_FRAME_BEGINS)) > text.rfind(_FRAME_ENDS):
            whole = frame
        self._rest = text[whole:]
        return _NOT_FOR_PYTE.sub("", text[:whole])


def _set_size(fd: int, size: tuple[int, int]) -> None:
    columns, rows = size
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
