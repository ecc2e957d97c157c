"""FakeProcess: exits when the test says so, and the watcher can poll it."""

from __future__ import annotations

import os
import threading
import weakref

from kerneltui.kernels.processes.identity import identify


class FakeProcess:
    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):  # open as long as it may be polled
            weakref.finalize(self, os.close, end)
        self._over = threading.Event()
        self.returncode: int | None = None
        found = identify(os.getpid())
        assert found is not None
        self.identity = self.launched = found

    @property
    def exited(self) -> bool:
        return self._over.is_set()

    def exit(self, returncode: int = 1) -> None:
        self.returncode = returncode
        self._over.set()
        os.write(self._writer, b".")

    def fileno(self) -> int:
        return self._reader

    def wait(self, timeout: float | None = None) -> bool:
        return self._over.wait(timeout)

    def send_signal(self, signum: int) -> None:
        raise NotImplementedError
