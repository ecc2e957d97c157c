"""One thread hears all kernels, from their launch to their last words."""

from __future__ import annotations

import errno
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from kerneltui.errors import KernelError
from kerneltui.fleet.keeper.recording import flood_gate
from kerneltui.fleet.monitoring import monitor as monitors
from kerneltui.fleet.monitoring import request_ends
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.monitoring.message_log import MAX_PART
from kerneltui.fleet.monitoring.monitor import Describe, KernelMonitor
from kerneltui.fleet.transcript.entries import RequestEnd, TranscriptView
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.kernels.connection import context as contexts
from kerneltui.kernels.connection.sockets import connect, default_context
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.status import Event, Exited, KernelState, Spawned
from kerneltui.protocol.wire import Session
from tests.fake_kernel import FakeKernel, file_in
from tests.fleet.stage import Kernel, shown
from tests.support import PATIENCE, eventually


class Monitored:
    """A kernel with a voice, watched to by a monitor of its own."""

    def __init__(self, voice: FakeKernel) -> None:
        self.voice = voice
        self.kernel = Kernel(voice.info)
        self.kernel_id = self.kernel.manager.kernel_id
        self.events: list[tuple[KernelManager, Event]] = []
        self.changes = threading.Semaphore(0)
        self.monitor = KernelMonitor(self.on_event, lambda: self.changes.release())
        self.monitor.start()
        self.monitor.watch(self.kernel.manager)

    def on_event(self, manager: KernelManager, event: Event) -> Describe:
        self.events.append((manager, event))
        return lambda: "why it ended"

    def close(self) -> None:
        self.monitor.stop()
        self.kernel.__exit__()

    def spawn(self) -> None:
        self.kernel.spawn()
        self.voice.wait_for_listener()

    @property
    def state(self) -> KernelState:
        return self.kernel.manager.status.state

    @property
    def facts(self) -> IopubFacts:
        return self.monitor.facts(self.kernel_id)

    def shown(self) -> list[tuple[Role, str]]:
        transcript = self.monitor.transcript(self.kernel_id)
        return shown(transcript.view()) if transcript else []


@pytest.fixture
def monitored(voice: FakeKernel) -> Iterator[Monitored]:
    monitored = Monitored(voice)
    yield monitored
    monitored.close()


def test_a_launched_kernel_is_heard(monitored: Monitored, voice: FakeKernel) -> None:
    monitored.spawn()

    voice.status("busy", voice.cell)

    eventually(lambda: monitored.state is KernelState.BUSY)


def test_output_of_any_client_reaches_the_transcript(
    monitored: Monitored, voice: FakeKernel
) -> None:
    monitored.spawn()

    voice.print("hello\n")

    eventually(lambda: monitored.shown() == [(Role.STDOUT, "hello")])


def view(monitored: Monitored) -> TranscriptView:
    transcript = monitored.monitor.transcript(monitored.kernel_id)
    assert transcript is not None
    return transcript.view()


def test_the_end_of_a_request_is_told_with_the_output_that_comes_after_its_reply(
    monitored: Monitored, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_ends, "IDLE_GRACE", PATIENCE)
    end = RequestEnd(voice.cell["msg_id"], "ZeroDivisionError")
    monitored.spawn()

    monitored.monitor.end(monitored.kernel_id, end, None)
    voice.print("late\n")
    voice.status("idle", voice.cell)
    eventually(lambda: view(monitored).end_of(end.msg_id) == end)

    assert monitored.shown() == [(Role.STDOUT, "late")]


def test_the_end_of_a_request_is_told_after_the_pages_of_its_reply(
    monitored: Monitored, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "HOLD", 0.5)
    page = {"source": "page", "data": {"text/plain": "help"}}
    content = {"status": "ok", "payload": [page]}
    reply = voice.session.new_message("execute_reply", content, parent=voice.cell)
    end = RequestEnd(voice.cell["msg_id"])
    monitored.spawn()
    voice.status("idle", voice.cell)
    eventually(lambda: monitored.state is KernelState.IDLE)

    monitored.monitor.record(monitored.kernel_id, reply)
    monitored.monitor.end(monitored.kernel_id, end, None)
    eventually(lambda: view(monitored).end_of(end.msg_id) == end)

    assert (Role.PAGER, "help") in monitored.shown()


def test_a_transcript_is_open_until_the_last_words_of_a_dead_kernel_are_in(
    monitored: Monitored, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "LAST_WORDS", 2 * PATIENCE)
    monitored.spawn()
    eventually(lambda: view(monitored).is_open)
    monitored.kernel.die()
    eventually(lambda: monitored.monitor._closing)

    voice.print("last words\n")
    eventually(lambda: (Role.STDOUT, "last words") in monitored.shown())

    assert view(monitored).is_open


def test_a_transcript_is_open_again_after_a_restart(monitored: Monitored) -> None:
    monitored.spawn()
    monitored.kernel.die()
    eventually(lambda: not view(monitored).is_open)

    monitored.kernel.spawn()

    eventually(lambda: view(monitored).is_open)


def test_a_change_is_told_after_the_turn(monitored: Monitored, voice: FakeKernel) -> None:
    monitored.spawn()
    while monitored.changes.acquire(timeout=0.2):
        pass

    voice.print("hello\n")

    assert monitored.changes.acquire(timeout=PATIENCE)
    while monitored.shown() != [(Role.STDOUT, "hello")]:  # an earlier turn's change was told late
        assert monitored.changes.acquire(timeout=PATIENCE)


def test_a_launch_and_an_end_are_told(monitored: Monitored) -> None:
    monitored.spawn()
    monitored.kernel.die()

    manager = monitored.kernel.manager
    assert monitored.events == [
        (manager, Spawned()),
        (manager, Exited(-9, manager.status.reason)),
    ]


def test_forged_messages_are_counted(monitored: Monitored, voice: FakeKernel) -> None:
    stranger = Session(b"another key")
    monitored.spawn()

    for _ in range(3):
        voice.publish_frames(stranger.encode(stranger.new_message("status")))

    eventually(lambda: monitored.facts.refused == 3)


def test_a_restarted_kernel_is_heard_at_its_new_place(
    monitored: Monitored, voice: FakeKernel, short_path: Path
) -> None:
    (short_path / "new").mkdir()
    monitored.spawn()
    monitored.kernel.die()
    with FakeKernel(file_in(short_path / "new"), welcomes=False) as new:
        monitored.kernel.move(new.info)
        monitored.kernel.spawn()
        new.wait_for_listener()
        voice.wait_until_unheard()

        new.status("idle", new.cell)

        eventually(lambda: monitored.state is KernelState.IDLE)


def test_last_words_stand_before_the_reason_of_a_death(
    monitored: Monitored, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "LAST_WORDS", 2 * PATIENCE)
    monitored.spawn()
    voice.print("goodbye\n")
    monitored.kernel.die()
    eventually(lambda: monitored.shown() == [(Role.STDOUT, "goodbye")])

    monitored.kernel.spawn()  # the wait for last words ends
    eventually(lambda: len(monitored.shown()) > 1)

    assert monitored.shown()[:2] == [
        (Role.STDOUT, "goodbye"),
        (Role.NOTE, "why it ended"),
    ]


def test_a_dead_kernel_is_no_longer_listened_to(monitored: Monitored, voice: FakeKernel) -> None:
    monitored.spawn()

    monitored.kernel.die()

    voice.wait_until_unheard()


def test_what_a_client_was_told_is_shown_though_iopub_is_silent(monitored: Monitored) -> None:
    message = monitored.voice.session.new_message("input_request", {"prompt": "name? "})

    monitored.monitor.record(monitored.kernel_id, message)

    eventually(lambda: monitored.shown() == [(Role.PROMPT, "name? ")])


def test_what_shows_nothing_wakes_nobody(monitored: Monitored) -> None:
    message = monitored.voice.session.new_message("complete_reply", {"matches": ["a"]})
    mailbox, is_held, may_go_on = monitored.monitor._mailbox, threading.Event(), threading.Event()

    def hold() -> None:
        is_held.set()
        may_go_on.wait(PATIENCE)

    mailbox.put(hold)
    assert is_held.wait(PATIENCE)

    monitored.monitor.record(monitored.kernel_id, message)
    wakes = bool(select.select([mailbox], [], [], 0)[0])
    may_go_on.set()

    assert not wakes


def test_a_word_of_ours_is_shown_as_a_note(monitored: Monitored) -> None:
    monitored.monitor.note(monitored.kernel_id, "not run")

    eventually(lambda: monitored.shown() == [(Role.NOTE, "not run")])


def test_all_kernels_share_what_logs_of_messages_may_take(
    monitored: Monitored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "TOTAL_BYTES", 2 * MAX_PART)
    log = monitored.monitor.message_log(monitored.kernel_id)
    assert log is not None
    for _ in range(3):
        log.add(Channel.SHELL, Session().new_message("request", {"x": "x" * MAX_PART}), sent=True)

    monitored.monitor.watch(KernelManager(kernel_name="python3"))

    assert len(log.view().records) == 1


def test_nothing_is_kept_of_a_dismissed_kernel(monitored: Monitored, voice: FakeKernel) -> None:
    monitored.spawn()

    monitored.monitor.dismiss(monitored.kernel_id)

    voice.wait_until_unheard()
    assert monitored.monitor.transcript(monitored.kernel_id) is None
    assert monitored.facts == IopubFacts()


def test_who_takes_the_place_of_a_dismissed_kernel_is_not_listened_to_twice(
    monitored: Monitored,
) -> None:
    monitored.spawn()
    monitor, obeyed = monitored.monitor, threading.Event()
    before = monitor._watched[monitored.kernel_id]
    monitor.dismiss(monitored.kernel_id)
    monitor.watch(monitored.kernel.manager)

    monitor._follow(before.manager, before.subscription, Spawned(adopted=False))  # told late
    monitor._mailbox.put(obeyed.set)

    assert obeyed.wait(PATIENCE)
    assert before.subscription.socket is None


def test_a_dismissed_kernel_can_be_recorded_to_without_effect(monitored: Monitored) -> None:
    monitored.monitor.dismiss(monitored.kernel_id)

    monitored.monitor.note(monitored.kernel_id, "not run")

    assert monitored.monitor.transcript(monitored.kernel_id) is None


def test_kernels_do_not_notice_that_a_monitor_stops(voice: FakeKernel) -> None:
    monitored = Monitored(voice)
    monitored.spawn()

    monitored.monitor.stop()

    voice.wait_until_unheard()
    assert monitored.kernel.manager.is_alive()
    monitored.kernel.__exit__()


def test_a_kernel_that_we_fail_to_understand_does_not_deafen_us_to_the_others(
    monitored: Monitored, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch, short_path: Path
) -> None:
    (short_path / "other").mkdir()
    monitored.spawn()
    monkeypatch.setattr(Transcript, "write", failing_once(Transcript.write))
    with (
        FakeKernel(file_in(short_path / "other"), welcomes=False) as voice_of_other,
        Kernel(voice_of_other.info) as other,
    ):
        monitored.monitor.watch(other.manager)
        other.spawn()
        voice_of_other.wait_for_listener()
        voice.print("not understood\n")

        voice_of_other.status("busy", voice_of_other.cell)

        eventually(lambda: other.manager.status.state is KernelState.BUSY)
        monitored.monitor.dismiss(other.manager.kernel_id)


def test_a_kernel_is_heard_on_after_what_we_failed_to_understand(
    monitored: Monitored,
    voice: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monitored.spawn()
    monkeypatch.setattr(Transcript, "write", failing_once(Transcript.write))
    voice.print("not understood\n")
    eventually(lambda: "listening to a kernel failed: RuntimeError" in caplog.text)

    voice.print("understood\n")

    eventually(lambda: monitored.shown() == [(Role.STDOUT, "understood")])


@pytest.mark.parametrize("error", [zmq.ZMQError(errno.EMFILE), OSError(errno.EIO, "no disk")])
def test_a_kernel_is_heard_once_what_its_subscription_lacked_is_there_again(
    monitored: Monitored, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(monitors, "RETRY", 0.01)
    monkeypatch.setattr(flood_gate, "connect", failing_once(connect, error))

    monitored.spawn()
    voice.print("hello\n")

    eventually(lambda: monitored.shown() == [(Role.STDOUT, "hello")])


def test_a_kernel_is_heard_once_there_is_room_for_a_context_again(
    monitored: Monitored, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "RETRY", 0.01)
    refused = failing_once(default_context, KernelError("too many files are open"))
    monkeypatch.setattr(contexts, "default_context", refused)

    monitored.spawn()
    voice.print("hello\n")

    eventually(lambda: monitored.shown() == [(Role.STDOUT, "hello")])


def failing_once(
    call: Callable[..., object], error: Exception | None = None
) -> Callable[..., object]:
    """Return what raises `error` at its first call, and then does what `call` does."""
    errors = [error or RuntimeError("a defect")]

    def failing(*arguments: object, **options: object) -> object:
        if errors:
            raise errors.pop()
        return call(*arguments, **options)

    return failing


def test_an_end_after_the_stop_is_told_to_nobody(voice: FakeKernel) -> None:
    monitored = Monitored(voice)
    monitored.monitor.stop()

    monitored.kernel.spawn()
    monitored.kernel.die()

    assert monitored.events == []
