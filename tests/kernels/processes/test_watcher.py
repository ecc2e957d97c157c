"""One thread learns of each kernel's end, at once, and lives no longer than it is needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from kerneltui.kernels.processes import watcher as module
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.watcher import ProcessWatcher, process_watcher
from tests.support import eventually


class PipeProcess:
    """A process that exits when the test says so."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self.exited = False
        self.returncode: int | None = None
        found = identify(os.getpid())
        assert found is not None
        self.identity: ProcessIdentity = found

    def exit(self) -> None:
        self.exited = True
        os.write(self._writer, b".")

    def fileno(self) -> int:
        return self._reader

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the protocol's
        return self.exited

    def send_signal(self, signum: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


@pytest.fixture
def new_process() -> Iterator[Callable[[], PipeProcess]]:
    made: list[PipeProcess] = []

    def new() -> PipeProcess:
        made.append(PipeProcess())
        return made[-1]

    yield new
    for each in made:
        each.close()


@pytest.fixture
def watcher() -> Iterator[ProcessWatcher]:
    watcher = ProcessWatcher()
    yield watcher
    eventually(lambda: watcher._thread is None)
    os.close(watcher._wake_reader)
    os.close(watcher._wake_writer)


def nothing() -> None:
    pass


def test_an_exit_is_told_once(
    watcher: ProcessWatcher, new_process: Callable[[], PipeProcess]
) -> None:
    process, told = new_process(), list[str]()
    watcher.watch(process, lambda: told.append("exit"), nothing)

    process.exit()

    eventually(lambda: watcher._thread is None)
    assert told == ["exit"]


def test_an_exit_before_the_watch_is_told_too(
    watcher: ProcessWatcher, new_process: Callable[[], PipeProcess]
) -> None:
    process, told = new_process(), threading.Event()
    process.exit()

    watcher.watch(process, told.set, nothing)

    assert told.wait(5)


def test_only_the_process_that_exited_is_told_of(
    watcher: ProcessWatcher, new_process: Callable[[], PipeProcess]
) -> None:
    first, second, told = new_process(), new_process(), list[str]()
    watcher.watch(first, lambda: told.append("first"), nothing)
    watcher.watch(second, lambda: told.append("second"), nothing)

    second.exit()

    eventually(lambda: told == ["second"])
    watcher.forget(first)


def test_a_process_that_is_forgotten_is_not_told_of(
    watcher: ProcessWatcher, new_process: Callable[[], PipeProcess]
) -> None:
    process, told = new_process(), list[str]()
    watcher.watch(process, lambda: told.append("exit"), nothing)

    watcher.forget(process)
    eventually(lambda: watcher._thread is None)
    process.exit()

    assert told == []


def test_the_thread_comes_back_for_a_later_process(
    watcher: ProcessWatcher, new_process: Callable[[], PipeProcess]
) -> None:
    first, second, told = new_process(), new_process(), threading.Event()
    watcher.watch(first, nothing, nothing)
    first.exit()
    eventually(lambda: watcher._thread is None)

    watcher.watch(second, told.set, nothing)
    second.exit()

    assert told.wait(5)


def test_a_callback_that_fails_does_not_blind_the_watcher(
    watcher: ProcessWatcher,
    new_process: Callable[[], PipeProcess],
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second, told = new_process(), new_process(), threading.Event()
    watcher.watch(first, lambda: 1 / 0, nothing)  # type: ignore[arg-type, return-value]  # it fails
    watcher.watch(second, told.set, nothing)
    first.exit()
    eventually(lambda: "callback of the kernel watcher failed" in caplog.text)

    second.exit()

    assert told.wait(5)


def test_a_process_that_lives_is_looked_after_now_and_then(
    watcher: ProcessWatcher,
    new_process: Callable[[], PipeProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HOUSEKEEPING", 0.01)
    process, ticks = new_process(), list[str]()

    watcher.watch(process, nothing, lambda: ticks.append("tick"))

    eventually(lambda: len(ticks) >= 2)
    watcher.forget(process)


def test_a_process_is_looked_after_though_something_goes_on_all_the_time(
    watcher: ProcessWatcher,
    new_process: Callable[[], PipeProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HOUSEKEEPING", 0.1)
    process, other, ticks = new_process(), new_process(), list[str]()
    watcher.watch(process, nothing, lambda: ticks.append("tick"))

    def busy_host() -> bool:
        watcher.watch(other, nothing, nothing)
        watcher.forget(other)
        return len(ticks) >= 2

    eventually(busy_host)
    watcher.forget(process)


def test_a_process_of_ours_has_one_watcher() -> None:
    assert process_watcher() is process_watcher()
