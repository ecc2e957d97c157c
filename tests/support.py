"""Helpers for tests of every floor: waiting, timing, and calls in a thread."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kerneltui.kernels.processes import adopted

if TYPE_CHECKING:  # the fake kernels' processes would spend two thirds of their start on it
    import pytest

# bash_kernel's package brings no kernelspec; one has to be installed by hand.
BASH_SPEC: dict[str, object] = {
    "argv": [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"],
    "display_name": "Bash",
    "language": "bash",
    "env": {"PS1": "$"},
}
POLL = 0.005  # seconds between two looks
PAUSE = 2  # times the duration of the last look: a slow look is made less often
PATIENCE = 30.0  # seconds: only a failure takes so long, and a correct answer may be slow


def eventually(predicate: Callable[[], object], within: float = PATIENCE) -> None:
    """Return once `predicate` is true; fail the test if it is not within so many seconds."""
    begun = time.monotonic()
    deadline = begun + within
    while not predicate():
        now = time.monotonic()
        assert now < deadline, f"not true within {within:g} s"
        threading.Event().wait(max(POLL, PAUSE * (now - begun)))
        begun = time.monotonic()


def waits_for(file: Path) -> str:
    """Return code for a kernel that goes on once a file is there."""
    return f"import os, time\nwhile not os.path.exists({str(file)!r}): time.sleep(0.01)\n"


def grows_linearly(work: Callable[[int], object], size: int) -> bool:
    """Tell whether `work` of four times `size` takes about four times as long.

    Quadratic growth would be sixteen times; the limit of ten is between. Only this thread's CPU
    time counts, the least of several attempts, so that a busy machine changes nothing.
    """
    small, large = float("inf"), float("inf")
    for _ in range(5):
        small = min(small, _thread_time(lambda: work(size)))
        large = min(large, _thread_time(lambda: work(4 * size)))
        if large < 10 * small + 0.05:
            return True
    return False


def _thread_time(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


class Background:
    """A call in another thread; `result` waits for it, and returns or raises as the call did."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._value: object = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="test-background", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def result(self, within: float = PATIENCE) -> object:
        self._thread.join(within)
        assert self.over, f"still running after {within:g} s"
        if self._error is not None:
            raise self._error
        return self._value

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._error = error


def as_before_linux_6_15(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system tell exit codes to parent processes only."""
    monkeypatch.setattr(adopted, "exit_code_by", lambda _pidfd, _patience: None)


def no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system refuse to start threads, until the patch is undone."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)


def as_another_users(monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
    """Have the system refuse signals to a process, until the patch is undone."""

    def refusing(send: Callable[[int, int], None]) -> Callable[[int, int], None]:
        def refuse_or_send(receiver: int, signum: int) -> None:
            if receiver == pid:
                raise PermissionError(errno.EPERM, "Operation not permitted")
            send(receiver, signum)

        return refuse_or_send

    monkeypatch.setattr(os, "kill", refusing(os.kill))
    monkeypatch.setattr(os, "killpg", refusing(os.killpg))
