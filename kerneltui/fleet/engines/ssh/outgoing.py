"""Outgoing: the agent's lines to the other side, written by a thread of their own."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping

from kerneltui.fleet.engines.ssh.lines import MAX_LINE, pack
from kerneltui.kernels.processes.guarded_thread import GuardedThread


class Outgoing:
    """A queue of lines. Whoever has much to say waits until it `is_idle`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = GuardedThread(self._write, "agent-writer")

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Write what waits, for at most so many seconds; a reader that hangs is not waited for."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._lines, timeout)

    @property
    def is_idle(self) -> bool:
        """All was written: the link takes more."""
        return not self._lines

    def put(self, message: Mapping[str, object]) -> bool:
        """Have a message sent; False if it is too large. Nothing happens without a reader."""
        line = pack(message)
        if len(line) > MAX_LINE:
            return False
        with self._changed:
            if not self._ended:
                self._lines.append(line)
                self._changed.notify_all()
        return True

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._ended)
                if not self._lines:
                    return
                line = self._lines[0]
            try:
                _write_all(self._fd, line)
            except OSError:  # the link has ended
                with self._changed:
                    self._ended = True
                    self._lines.clear()
                    self._changed.notify_all()
                return
            with self._changed:
                self._lines.popleft()
                self._changed.notify_all()


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
