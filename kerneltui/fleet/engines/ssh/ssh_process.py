"""SshProcess: one run of ssh, with pipes that never block. It is always reaped."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import deque
from collections.abc import Sequence
from typing import IO

from kerneltui.fleet.engines.ssh.command import WIDTH, Ended
from kerneltui.fleet.engines.ssh.lines import CHUNK
from kerneltui.protocol.text import clean_line

GRACE = 0.5  # seconds from SIGTERM, at which ssh ends its helpers, to SIGKILL
KEPT_LINES = 10  # of stderr
MAX_WAITING = 4_000_000  # bytes that ssh has not taken yet


class SshProcess:
    """Used by one thread."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Start it. Raises OSError."""
        # A session of its own: Ctrl+C in the terminal does not end it, and it cannot ask there.
        self._process = process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        self.stdin, self.stdout, self.stderr = map(
            _unblocked, (process.stdin, process.stdout, process.stderr)
        )
        self._is_told = False
        self._waiting = bytearray()
        self._said = deque[str](maxlen=KEPT_LINES)
        self._rest = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_waiting(self) -> bool:
        """Bytes wait until ssh takes more."""
        return bool(self._waiting)

    def send(self, data: bytes) -> bool:
        """Send bytes as soon as ssh takes them; False if too many wait already."""
        if len(self._waiting) + len(data) > MAX_WAITING:
            return False
        self._waiting += data
        self.flush()
        return True

    def flush(self) -> None:
        """Write what ssh takes now. An end is seen on stdout."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._waiting:
                del self._waiting[: os.write(self.stdin.fileno(), self._waiting)]

    def read(self) -> bytes | None:
        """Return what has come, b"" at the end, None if nothing has come."""
        try:
            return os.read(self.stdout.fileno(), CHUNK)
        except BlockingIOError:
            return None

    def read_errors(self) -> bool:
        """Keep the last lines of stderr; False once there will be no more."""
        try:
            data = os.read(self.stderr.fileno(), CHUNK)
        except BlockingIOError:
            return True
        *lines, rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
        self._rest = rest[:WIDTH]
        self._said.extend(filter(None, (clean_line(line, WIDTH) for line in lines)))
        return bool(data)

    def end(self) -> Ended:
        """End it if it runs still, and return how it has ended."""
        # Only ssh itself: a shared connection may go on in a process of its group.
        with contextlib.suppress(OSError):
            self.stdin.close()
        self.stdout.close()
        returncode = self._wait()
        while self._read_last_errors():
            pass
        self.stderr.close()
        return Ended(returncode, (*self._said, *filter(None, [clean_line(self._rest, WIDTH)])))

    def stop(self) -> None:
        """Have it end soon."""
        self._is_told = True
        self._process.terminate()

    def _wait(self) -> int:
        """Wait until it has ended; it is told to, and then made to."""
        orders = [self._process.kill] if self._is_told else [self.stop, self._process.kill]
        for order in orders:
            try:
                return self._process.wait(GRACE)
            except subprocess.TimeoutExpired:
                order()
        return self._process.wait()  # SIGKILL ends it even if it is stopped

    def _read_last_errors(self) -> bool:
        """Read what is there of stderr, which a shared connection may keep open."""
        before = len(self._said), self._rest
        return self.read_errors() and (len(self._said), self._rest) != before


def _unblocked(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "it was asked for"
    os.set_blocking(pipe.fileno(), False)
    return pipe
