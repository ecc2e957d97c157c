"""One thread learns of each kernel's end, at once, and lives no longer than it is needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from kerneltui.kernels.processes import watcher as module
from kerneltui.kernels.processes.watcher import ProcessWatcher, process_watcher
from tests.kernels.processes.fake_process import FakeProcess
from tests.support import PATIENCE, eventually


@pytest.fixture
def watcher() -> Iterator[ProcessWatcher]:
    watcher = ProcessWatcher()
    yield watcher
    eventually(lambda: watcher._thread is None)
    os.close(watcher._wake_reader)
    os.close(watcher._wake_writer)


def nothing() -> None:
    pass


def test_an_exit_is_told_once(watcher: ProcessWatcher) -> None:
    process, told = FakeProcess(), list[str]()
    watcher.watch(process, lambda: told.append("exit"), nothing)

    process.exit()

    eventually(lambda: watcher._thread is None)
    assert told == ["exit"]


def test_an_exit_before_the_watch_is_told_too(watcher: ProcessWatcher) -> None:
    process, told = FakeProcess(), threading.Event()
    process.exit()

    watcher.watch(process, told.set, nothing)

    assert told.wait(PATIENCE)


def test_only_the_process_that_exited_is_told_of(watcher: ProcessWatcher) -> None:
    first, second, told = FakeProcess(), FakeProcess(), list[str]()
    watcher.watch(first, lambda: told.append("first"), nothing)
    watcher.watch(second, lambda: told.append("second"), nothing)

    second.exit()

    eventually(lambda: told == ["second"])
    first.exit()


def test_the_thread_comes_back_for_a_later_process(watcher: ProcessWatcher) -> None:
    first, second, told = FakeProcess(), FakeProcess(), threading.Event()
    watcher.watch(first, nothing, nothing)
    first.exit()
    eventually(lambda: watcher._thread is None)

    watcher.watch(second, told.set, nothing)
    second.exit()

    assert told.wait(PATIENCE)


def test_a_callback_that_fails_does_not_blind_the_watcher(
    watcher: ProcessWatcher,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second, told = FakeProcess(), FakeProcess(), threading.Event()
    watcher.watch(first, lambda: 1 / 0, nothing)  # type: ignore[arg-type]  # it fails
    watcher.watch(second, told.set, nothing)
    first.exit()
    eventually(lambda: "callback of the kernel watcher failed" in caplog.text)

    second.exit()

    assert told.wait(PATIENCE)


def test_a_process_that_lives_is_looked_after_now_and_then(
    watcher: ProcessWatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HOUSEKEEPING", 0.01)
    process, ticks = FakeProcess(), list[str]()

    watcher.watch(process, nothing, lambda: ticks.append("tick"))

    eventually(lambda: len(ticks) >= 2)
    process.exit()


def test_a_process_is_looked_after_though_something_goes_on_all_the_time(
    watcher: ProcessWatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HOUSEKEEPING", 0.1)
    process, ticks = FakeProcess(), list[str]()
    watcher.watch(process, nothing, lambda: ticks.append("tick"))

    def busy_host() -> bool:
        other = FakeProcess()
        watcher.watch(other, nothing, nothing)
        other.exit()
        return len(ticks) >= 2

    eventually(busy_host)
    process.exit()


def test_a_process_of_ours_has_one_watcher() -> None:
    assert process_watcher() is process_watcher()
