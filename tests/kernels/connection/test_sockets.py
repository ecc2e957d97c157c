"""A context is made only where libzmq can start it: else it would end the process."""

from __future__ import annotations

import errno
import threading
from typing import Any

import pytest

from kerneltui.errors import KernelError
from kerneltui.kernels.connection import sockets


def refuse_file(*_arguments: Any) -> int:
    raise OSError(errno.EMFILE, "Too many open files")


class RefusingThread(threading.Thread):
    """The second one cannot be started."""

    started = 0

    def start(self) -> None:
        RefusingThread.started += 1
        if RefusingThread.started > 1:
            raise RuntimeError("can't start new thread")
        super().start()


def test_a_context_needs_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.open", refuse_file)

    with pytest.raises(KernelError, match=r"cannot connect to kernels: .*ulimit -n"):
        sockets._require_room()


def test_a_context_needs_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "Thread", RefusingThread)
    before = set(threading.enumerate())

    with pytest.raises(KernelError, match=r"cannot start a thread: .*ulimit -u"):
        sockets._require_room()

    assert set(threading.enumerate()) <= before


def test_where_there_is_room_nothing_is_left_of_the_look() -> None:
    before = set(threading.enumerate())

    sockets._require_room()

    assert set(threading.enumerate()) <= before
