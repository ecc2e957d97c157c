from __future__ import annotations

import threading

import pytest

from kerneltui.errors import KernelError
from kerneltui.kernels.processes.thread_room import require_threads


def probes() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "room"]


def test_threads_that_can_be_started_leave_nothing() -> None:
    require_threads(3)

    assert probes() == []


def test_a_limit_on_threads_is_told_before_anything_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, begun = threading.Thread.start, list[threading.Thread]()

    def start_two(thread: threading.Thread) -> None:
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)

    with pytest.raises(KernelError, match="ulimit -u"):
        require_threads(3)
    assert (len(begun), probes()) == (2, [])
