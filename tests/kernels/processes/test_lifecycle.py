"""What happens to a kernel is told once, in order, and its clients learn what follows."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerneltui.errors import KernelDied, KernelTimeout
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.watcher import process_watcher
from kerneltui.protocol.status import (
    Answered,
    BusyElsewhere,
    Event,
    Exited,
    KernelState,
    Ordered,
    Reported,
    ServerReported,
    Spawned,
    Wanted,
)
from tests.kernels.processes.fake_process import FakeProcess
from tests.support import PATIENCE, Background, eventually


class Kernel:
    """A life, its processes, and the events that it told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.deaths: list[KernelDied] = []
        self.decide: Callable[[], None] = lambda: None
        self.told: list[KernelState] = []
        self.life = Lifecycle(lambda: "kernel k1 (child)", self._follow_death)
        self.life.add_listener(self.events.append)
        self.processes: list[FakeProcess] = []

    def _follow_death(self, death: KernelDied, lifetime: float) -> Callable[[], None]:
        assert lifetime >= 0
        self.deaths.append(death)
        self.decide()
        return lambda: self.told.append(self.life.status.state)

    def spawn(self, log: LogFile | None = None) -> FakeProcess:
        process = FakeProcess()
        self.processes.append(process)
        self.life.begin(process, log)
        return process

    def close(self) -> None:
        for process in self.processes:
            if not process.exited:
                self.life.order(Wanted.DOWN)
                process.exit()
        watched = process_watcher()._watches
        for process in self.processes:
            eventually(lambda: process.fileno() not in watched)  # noqa: B023 - called here


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


def soon() -> float:
    return time.monotonic() + 0.05


def test_a_launch_is_told_and_counted(kernel: Kernel) -> None:
    process = kernel.spawn()

    assert kernel.events == [Spawned()]
    assert (kernel.life.process, kernel.life.spawns) == (process, 1)


def test_no_end_is_told_before_its_beginning(kernel: Kernel) -> None:
    may_go_on = threading.Event()
    told: list[type[Event]] = []

    def slow(event: Event) -> None:
        if isinstance(event, Spawned):
            may_go_on.wait(PATIENCE)
        told.append(type(event))

    kernel.life.add_listener(slow)
    spawning = Background(kernel.spawn)
    eventually(lambda: kernel.life.process is not None)
    process = kernel.processes[0]
    process.exit()
    client = Background(lambda: kernel.life.record_exit(process))
    may_go_on.set()

    spawning.result()
    client.result()
    assert told == [Spawned, Exited]


def test_no_beginning_is_told_before_the_end_of_the_process_before(kernel: Kernel) -> None:
    ending, may_go_on = threading.Event(), threading.Event()
    told: list[type[Event]] = []

    def slow(event: Event) -> None:
        if isinstance(event, Exited) and not ending.is_set():
            ending.set()
            may_go_on.wait(PATIENCE)
        told.append(type(event))

    kernel.life.add_listener(slow)
    kernel.spawn().exit()
    assert ending.wait(PATIENCE)
    spawning = Background(kernel.spawn)
    eventually(lambda: len(kernel.processes) == 2)
    began_early = kernel.life.process is kernel.processes[1]
    may_go_on.set()
    spawning.result()
    kernel.processes[1].exit()
    kernel.life.record_exit(kernel.processes[1])

    assert not began_early
    assert told == [Spawned, Exited, Spawned, Exited]


def test_a_listener_that_fails_keeps_no_end_from_being_noticed(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Event) -> None:
        raise ValueError(type(event).__name__)

    told: list[Event] = []
    kernel.life.add_listener(fail)
    kernel.life.add_listener(told.append)

    process = kernel.spawn()
    process.exit()

    eventually(lambda: kernel.told)
    assert [type(event) for event in told] == [Spawned, Exited]
    assert "a listener to a kernel's life failed: ValueError" in caplog.text


def test_a_death_is_told_once_though_watcher_and_clients_notice_it(kernel: Kernel) -> None:
    process = kernel.spawn()
    process.exit(3)

    for _ in range(2):
        kernel.life.record_exit(process)

    eventually(lambda: kernel.told)
    assert [event for event in kernel.events if isinstance(event, Exited)] == [
        Exited(3, str(kernel.deaths[0]))
    ]


def test_an_ordered_end_asks_nobody_what_should_follow(kernel: Kernel) -> None:
    process = kernel.spawn()
    kernel.life.order(Wanted.DOWN)
    process.exit(0)

    kernel.life.record_exit(process)

    assert kernel.deaths == []
    assert kernel.events[-1] == Exited(0, "")


def test_the_end_of_a_process_that_was_replaced_is_not_told(kernel: Kernel) -> None:
    first = kernel.spawn()
    kernel.life.order(Wanted.DOWN)
    first.exit()
    eventually(lambda: isinstance(kernel.events[-1], Exited))
    kernel.spawn()

    kernel.life.record_exit(first)

    assert kernel.life.status.state is KernelState.STARTING


def report(kernel: Kernel, word: str, at: float) -> None:
    kernel.life.advance(Reported(word, "a", "execute_request"), at=at)


def test_since_when_a_kernel_does_what_it_does_is_known(kernel: Kernel) -> None:
    kernel.spawn()
    since = [kernel.life.period.since]

    for word, at in (("busy", 5.0), ("busy", 6.0), ("idle", 7.0)):
        report(kernel, word, at)
        since.append(kernel.life.period.since)

    assert since == [kernel.life.spawned_at, 5.0, 5.0, 7.0]


def test_a_question_does_not_interrupt_a_rest(kernel: Kernel) -> None:
    kernel.spawn()
    report(kernel, "busy", 5.0)
    report(kernel, "idle", 6.0)

    for word, at in (("busy", 7.0), ("idle", 8.0)):
        kernel.life.advance(Reported(word, "q", "history_request"), at=at)

    assert kernel.life.period.since == 6.0


@pytest.mark.parametrize("event", [BusyElsewhere(), Answered(), ServerReported(busy=True)])
def test_since_when_it_did_what_it_was_found_doing_is_not_known(
    kernel: Kernel, event: Event
) -> None:
    kernel.life.begin(None, None, Spawned(adopted=True), age=None)

    kernel.life.advance(event)

    assert kernel.life.period.since is None


def test_a_reply_does_not_tell_when_a_request_ended_that_was_never_heard(kernel: Kernel) -> None:
    kernel.life.begin(None, None, Spawned(adopted=True), age=None)
    kernel.life.advance(BusyElsewhere())

    kernel.life.advance(Answered())

    assert (kernel.life.status.state, kernel.life.period.since) == (KernelState.IDLE, None)


def test_since_when_it_is_seen_to_do_what_it_was_found_doing_is_known(kernel: Kernel) -> None:
    kernel.life.begin(None, None, Spawned(adopted=True), age=None)

    kernel.life.advance(BusyElsewhere(), at=5.0)
    kernel.life.advance(BusyElsewhere(), at=6.0)

    assert kernel.life.period.seen_at == 5.0


def test_a_request_that_was_found_running_began_when_its_recording_says(kernel: Kernel) -> None:
    kernel.life.begin(None, None, Spawned(adopted=True), age=None)
    kernel.life.advance(BusyElsewhere())

    report(kernel, "busy", 5.0)

    assert kernel.life.period.since == 5.0


@pytest.mark.parametrize(
    "beside", [Reported("busy", "c", "kernel_info_request"), Reported("idle", "s", "e", "sub")]
)
def test_what_is_answered_beside_a_request_that_was_found_running_is_not_its_begin(
    kernel: Kernel, beside: Reported
) -> None:
    kernel.life.begin(None, None, Spawned(adopted=True), age=None)
    kernel.life.advance(BusyElsewhere())

    kernel.life.advance(beside, at=5.0)

    assert kernel.life.period.since is None


def test_who_waits_for_a_replacement_learns_how_the_kernel_ended(
    kernel: Kernel, short_path: Path
) -> None:
    log = LogFile(short_path / "log")
    os.close(log.open())
    process = kernel.spawn(log)
    log.path.write_text("one\nMemoryError: no room\n", encoding="utf-8")
    process.exit(-9)

    with pytest.raises(KernelDied) as caught:
        kernel.life.wait_for_replacement(process, None, successor=True)

    assert caught.value.returncode == -9
    assert caught.value.last_lines == ("one", "MemoryError: no room")
    assert re.match(r"kernel k1 \(child\) exited with SIGKILL \(-9\), \d+\.\d s", str(caught.value))
    assert str(caught.value).endswith("last line: MemoryError: no room")


def test_who_waits_for_a_replacement_waits_for_the_successor_that_was_ordered(
    kernel: Kernel,
) -> None:
    first = kernel.spawn()
    kernel.life.order(Wanted.RESTART)
    first.exit()
    waiting = Background(lambda: kernel.life.wait_for_replacement(first, None, successor=True))

    kernel.spawn()

    waiting.result()


def test_who_needs_this_very_process_waits_for_no_successor(kernel: Kernel) -> None:
    process = kernel.spawn()
    kernel.life.order(Wanted.RESTART)
    process.exit()

    with pytest.raises(KernelDied):
        kernel.life.wait_for_replacement(process, None, successor=False)


def test_a_successor_that_is_late_is_a_timeout(kernel: Kernel) -> None:
    process = kernel.spawn()
    kernel.life.order(Wanted.RESTART)
    process.exit()

    with pytest.raises(KernelTimeout, match=r"kernel k1 \(child\) has not come back in time"):
        kernel.life.wait_for_replacement(process, soon(), successor=True)


def test_a_successor_that_will_not_come_is_waited_for_no_longer(kernel: Kernel) -> None:
    process = kernel.spawn()
    kernel.life.order(Wanted.RESTART)
    process.exit()
    waiting = Background(lambda: kernel.life.wait_for_replacement(process, None, successor=True))

    kernel.life.order(Wanted.DOWN, "restart failed")

    with pytest.raises(KernelDied):
        waiting.result()


def test_who_waits_for_a_replacement_while_another_thread_decides_waits_for_the_decision(
    kernel: Kernel,
) -> None:
    deciding, decide = threading.Event(), threading.Event()

    def order_restart() -> None:
        deciding.set()
        decide.wait(PATIENCE)
        kernel.life.order(Wanted.RESTART)

    kernel.decide = order_restart
    first = kernel.spawn()
    first.exit()
    deciding.wait(PATIENCE)
    waiting = Background(lambda: kernel.life.wait_for_replacement(first, None, successor=True))

    decide.set()
    eventually(lambda: kernel.told)
    kernel.spawn()

    waiting.result()


def test_what_follows_is_told_after_it_was_decided(kernel: Kernel) -> None:
    kernel.decide = lambda: kernel.life.order(Wanted.RESTART)
    kernel.spawn().exit()

    eventually(lambda: kernel.told)

    assert kernel.told == [KernelState.RESTARTING]


def test_a_restart_is_awaited_as_long_as_nobody_decides_otherwise(kernel: Kernel) -> None:
    process = kernel.spawn()
    kernel.life.order(Wanted.RESTART)

    assert kernel.life.awaits_successor(process, 0.0)


@pytest.mark.parametrize("otherwise", ["shut down", "restarted"])
def test_a_restart_is_awaited_no_longer_once_somebody_decided_otherwise(
    kernel: Kernel, otherwise: str
) -> None:
    process = kernel.spawn()
    kernel.life.order(Wanted.RESTART)
    process.exit()
    waiting = Background(lambda: kernel.life.awaits_successor(process, 30))

    if otherwise == "restarted":
        kernel.spawn()
    else:
        kernel.life.order(Wanted.DOWN)

    assert waiting.result() is False


def test_a_listener_that_was_removed_hears_nothing(kernel: Kernel) -> None:
    heard: list[Event] = []
    kernel.life.add_listener(heard.append)

    kernel.life.remove_listener(heard.append)
    kernel.life.order(Wanted.UP)

    assert heard == []
    assert kernel.events == [Ordered(Wanted.UP)]


def test_who_settles_second_waits_until_everybody_knows(kernel: Kernel) -> None:
    told, may_go_on = threading.Event(), threading.Event()

    def linger(event: Event) -> None:
        if isinstance(event, Exited):
            told.set()
            may_go_on.wait(PATIENCE)

    kernel.life.add_listener(linger)
    process = kernel.spawn()
    process.exit()
    assert told.wait(PATIENCE)

    second = Background(lambda: kernel.life.record_exit(process))
    kernel.life.order(Wanted.DOWN)
    early = second.over
    may_go_on.set()
    second.result()

    assert not early


def test_words_of_a_process_that_was_succeeded_are_void(kernel: Kernel) -> None:
    kernel.spawn().exit()
    eventually(lambda: kernel.told)
    kernel.spawn()

    kernel.life.advance(Answered(), 1)

    assert kernel.life.status.state is KernelState.STARTING


def test_an_heir_that_is_found_after_the_death_was_told_comes_too_late(kernel: Kernel) -> None:
    process, heir = kernel.spawn(), FakeProcess()
    process.exit()
    kernel.life.record_exit(process)

    kernel.life.hand_over(process, heir)  # by another thread, which has looked longer
    heir.exit()

    assert kernel.life.process is process
    assert [type(each) for each in kernel.events] == [Spawned, Exited]
