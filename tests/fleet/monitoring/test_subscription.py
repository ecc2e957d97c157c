"""What is heard of one kernel: no status is lost, none of another process counts."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from kerneltui.fleet.keeper.recording.flood_gate import FloodGate
from kerneltui.fleet.model.retention import USUAL
from kerneltui.fleet.monitoring import replay
from kerneltui.fleet.monitoring import subscription as ear_module
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.monitoring.subscription import NEVER, IopubSubscription
from kerneltui.fleet.transcript.batch import OUTPUT_BUDGET, SideMessage
from kerneltui.fleet.transcript.operations import Block
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.kernels.connection.sockets import Context, default_context
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import LOOKER, Message
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.status import Event, KernelState, Reported
from kerneltui.protocol.wire import Session
from tests.fake_kernel import FakeKernel
from tests.fleet.stage import Kernel, shown
from tests.support import eventually

END = "that is all"


class Listening:
    """A subscription that hears what `voice` says, once `hear` is called, and no sooner."""

    def __init__(self, voice: FakeKernel, kernel: Kernel) -> None:
        self.voice = voice
        self.kernel = kernel
        self.subscription = IopubSubscription(kernel.manager, Transcript())
        kernel.spawn()
        self.socket = self.subscription.open(default_context(), voice.info, kernel.manager.spawns)
        voice.wait_for_listener()

    def hear(self) -> None:
        """Take in all that was said until now, in as many turns as it takes."""
        self.voice.print(f"{END}\n")
        eventually(self._heard_the_end)

    def _heard_the_end(self) -> bool:
        self.subscription.listen()
        return shown(self.subscription.transcript.view())[-1:] == [(Role.STDOUT, END)]

    @property
    def state(self) -> KernelState:
        return self.kernel.manager.status.state

    def request(self, msg_type: str = "execute_request") -> Message:
        return self.voice.session.new_message(msg_type)

    def shown(self) -> list[tuple[Role, str]]:
        return shown(self.subscription.transcript.view())[:-1]


@pytest.fixture
def listening(voice: FakeKernel) -> Iterator[Listening]:
    with Kernel(voice.info) as kernel:
        listening = Listening(voice, kernel)
        yield listening
        listening.subscription.close()


def test_a_subscription_whose_recording_is_not_to_be_seen_leaves_no_socket_open(
    voice: FakeKernel, monkeypatch: pytest.MonkeyPatch, short_path: Path
) -> None:
    gates: list[FloodGate] = []

    def gate(context: Context, info: ConnectionInfo) -> FloodGate:
        gates.append(FloodGate(context, info))
        return gates[0]

    def fail(_path: Path) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    with Kernel(voice.info) as kernel, monkeypatch.context() as patch:
        subscription = IopubSubscription(kernel.manager, Transcript())
        patch.setattr(ear_module, "FloodGate", gate)
        patch.setattr(Path, "exists", fail)

        with pytest.raises(OSError, match="Input/output error"):
            subscription.open(default_context(), voice.info, 1, recording=short_path / "k.iopub")

    assert subscription.socket is None
    assert [each.socket.closed for each in gates] == [True]


# -- statuses ----


@pytest.mark.parametrize("msg_type", ["usage_request", "kernel_info_request", "debug_request"])
def test_idle_on_control_does_not_hide_a_running_cell(
    listening: Listening, voice: FakeKernel, msg_type: str
) -> None:
    voice.status("busy", listening.request())
    beside = listening.request(msg_type)
    voice.status("busy", beside)
    voice.status("idle", beside)

    listening.hear()

    assert listening.state is KernelState.BUSY


def test_no_status_is_lost_in_a_flood(listening: Listening, voice: FakeKernel) -> None:
    statuses: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Reported):
            statuses.append(event.execution_state)

    listening.kernel.manager.life.add_listener(note)
    for _ in range(20):
        voice.status("busy", voice.cell)
        for number in range(200):
            voice.publish(
                "update_display_data", {"data": {"text/plain": f"{number} %"}}, voice.cell
            )
        voice.status("idle", voice.cell)

    listening.hear()

    assert statuses == ["busy", "idle"] * 20


def test_statuses_survive_output_that_is_skipped(listening: Listening, voice: FakeKernel) -> None:
    voice.print("x" * 2 * OUTPUT_BUDGET)
    voice.status("busy", voice.cell)
    voice.print("y\n" * OUTPUT_BUDGET)

    listening.hear()

    assert listening.state is KernelState.BUSY


def test_what_the_process_before_said_changes_nothing(
    listening: Listening, voice: FakeKernel
) -> None:
    voice.status("idle", voice.cell)
    listening.kernel.die()
    listening.kernel.spawn()

    listening.hear()

    assert listening.state is KernelState.STARTING


@pytest.mark.parametrize("odd", [None, 7, [], {}, [[[]]], "", "busy\x1b"], ids=repr)
def test_an_odd_status_changes_nothing(
    listening: Listening, voice: FakeKernel, odd: object
) -> None:
    voice.publish("status", {"execution_state": odd}, voice.cell)
    voice.publish("status", {}, voice.cell)

    listening.hear()

    assert listening.state is KernelState.STARTING


# -- facts ----


def test_cells_are_counted_and_the_last_one_is_known(
    listening: Listening, voice: FakeKernel
) -> None:
    for code in ("a = 1", "b = 2\nprint(b)"):
        voice.publish("execute_input", {"code": code, "execution_count": 1}, voice.cell)

    listening.hear()

    facts = listening.subscription.facts
    assert (facts.executions, facts.code) == (2, "b = 2 ↵ print(b)")
    assert facts.request == voice.cell["msg_id"]


@pytest.mark.parametrize(
    ("msg_type", "counts"),
    [
        ("execute_request", True),
        ("comm_msg", True),
        ("kernel_info_request", False),
        ("complete_request", False),
        ("history_request", False),
    ],
)
def test_only_what_a_kernel_runs_is_activity(
    listening: Listening, voice: FakeKernel, msg_type: str, counts: bool
) -> None:
    asked = listening.request(msg_type)
    voice.publish("status", {"execution_state": "busy"}, asked)
    voice.publish("status", {"execution_state": "idle"}, asked)
    eventually(
        lambda: (
            listening.subscription.listen()
            or len(listening.subscription.messages.view().records) == 2
        )
    )

    assert (listening.subscription.facts.last_activity is not None) is counts


def test_what_only_a_look_has_caused_is_no_message_to_show(
    listening: Listening, voice: FakeKernel
) -> None:
    looked = listening.request("kernel_info_request")
    looked["header"]["username"] = LOOKER
    voice.publish("status", {"execution_state": "idle"}, looked)
    voice.publish("stream", {"name": "stdout", "text": "a"}, looked)

    listening.hear()

    shown = [each.msg_type for each in listening.subscription.messages.view().records]
    assert "stream" in shown
    assert "status" not in shown


def test_clients_whose_code_runs_are_counted_and_ours_are_not(
    listening: Listening, voice: FakeKernel
) -> None:
    ours, other = (voice.session.clone().new_message("execute_request") for _ in range(2))
    ours["header"]["session"] = "ours"
    listening.subscription.messages.add(Channel.SHELL, ours, sent=True)
    for cell in (voice.cell, ours, voice.cell):
        voice.publish("execute_input", {"code": "a = 1"}, cell)
    voice.publish("status", {"execution_state": "busy"}, other)

    listening.hear()

    assert listening.subscription.facts.clients == {voice.cell["header"]["session"]}


def test_a_cell_in_a_subshell_does_not_hide_the_one_in_the_main_shell(
    listening: Listening, voice: FakeKernel
) -> None:
    beside = voice.session.new_message("execute_request", subshell_id="s-1")
    voice.publish("execute_input", {"code": "loop()"}, voice.cell)
    voice.publish("execute_input", {"code": "look()"}, beside)

    listening.hear()

    facts = listening.subscription.facts
    assert (facts.executions, facts.code, facts.request) == (2, "loop()", voice.cell["msg_id"])


def test_facts_of_the_process_before_are_forgotten(listening: Listening, voice: FakeKernel) -> None:
    voice.publish("execute_input", {"code": "a = 1", "execution_count": 1}, voice.cell)
    listening.hear()

    listening.subscription.close()
    listening.subscription.open(default_context(), voice.info, 2)

    assert listening.subscription.facts == IopubFacts()


@pytest.mark.parametrize("code", [None, 7, ["a"]], ids=repr)
def test_code_that_is_no_text_is_empty(
    listening: Listening, voice: FakeKernel, code: object
) -> None:
    voice.publish("execute_input", {"code": code}, voice.cell)

    listening.hear()

    assert listening.subscription.facts.code == ""


# -- what nobody may believe ----


def forged(_voice: FakeKernel) -> list[bytes]:
    stranger = Session(b"another key")
    return stranger.encode(stranger.new_message("status", {"execution_state": "busy"}))


def unsigned(voice: FakeKernel) -> list[bytes]:
    frames = voice.frames("status", {"execution_state": "busy"})
    return [*frames[:2], b"", *frames[3:]]


def malformed(_voice: FakeKernel) -> list[bytes]:
    return [b"no", b"delimiter"]


@pytest.mark.parametrize("make", [forged, unsigned, malformed])
def test_frames_that_cannot_be_believed_are_counted_and_change_nothing(
    listening: Listening, voice: FakeKernel, make: Callable[[FakeKernel], list[bytes]]
) -> None:
    voice.publish_frames(make(voice))

    listening.hear()

    assert listening.subscription.facts.refused == 1
    assert listening.state is KernelState.STARTING
    assert listening.shown() == []


def test_a_replayed_status_is_counted_and_changes_nothing(
    listening: Listening, voice: FakeKernel
) -> None:
    busy = voice.frames("status", {"execution_state": "busy"}, voice.cell)
    voice.publish_frames(busy)
    voice.status("idle", voice.cell)
    voice.publish_frames(busy)

    listening.hear()

    assert listening.subscription.facts.refused == 1
    assert listening.state is KernelState.IDLE


def test_forged_frames_alone_are_something_that_was_heard(
    listening: Listening, voice: FakeKernel
) -> None:
    voice.publish_frames(forged(voice))

    eventually(lambda: listening.socket.poll(0))

    assert listening.subscription.listen()


def test_nothing_was_heard_of_a_silent_kernel(listening: Listening) -> None:
    assert not listening.subscription.listen()


# -- how much ----


def test_a_million_lines_leave_a_bounded_transcript(
    listening: Listening, voice: FakeKernel
) -> None:
    lines = "".join(f"{number}\n" for number in range(25_000))
    for _ in range(40):
        voice.print(lines)

    listening.hear()

    view = listening.subscription.transcript.view()
    assert listening.subscription.transcript.size < USUAL.bytes
    assert view.end - view.first <= USUAL.lines + 1


@pytest.mark.parametrize("limit", ["TURN_MESSAGES", "TURN_BYTES"])
def test_a_turn_ends_although_the_kernel_goes_on(
    listening: Listening, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(ear_module, limit, 1)
    voice.print("first\n")
    voice.print("second\n")
    eventually(lambda: listening.socket.poll(0))

    listening.subscription.listen()

    assert shown(listening.subscription.transcript.view()) == [(Role.STDOUT, "first")]


def test_of_a_flood_only_the_end_is_decoded_and_the_rest_is_said_to_be_skipped(
    listening: Listening, voice: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ear_module, "DECODED", 2)
    printed = [
        voice.frames("stream", {"name": "stdout", "text": f"{number}\n"}, voice.cell)
        for number in range(10)
    ]
    busy = voice.frames("status", {"execution_state": "busy"}, voice.cell)
    waiting = map(RawMessage, [printed[0], busy, *printed[1:]])
    monkeypatch.setattr(FloodGate, "receive", lambda *_limits: waiting)

    listening.subscription.listen()

    (role, mark), *rest = shown(listening.subscription.transcript.view())
    assert (role, mark.partition("KB")[2]) == (Role.NOTE, " of output skipped")
    assert rest == [(Role.STDOUT, "8"), (Role.STDOUT, "9")]
    assert listening.state is KernelState.BUSY


def test_what_a_closed_ear_was_told_is_still_written(voice: FakeKernel) -> None:
    with Kernel(voice.info) as kernel:
        subscription = IopubSubscription(kernel.manager, Transcript())
        subscription.tell(SideMessage(None, [Block(Role.NOTE, "not run")], due=0.0))

        subscription.listen()

        assert shown(subscription.transcript.view()) == [(Role.NOTE, "not run")]
        assert subscription.due == NEVER


def test_a_kernel_is_heard_though_its_recording_cannot_be_read(
    voice: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "RECORD_TIME", 0.0)
    with Kernel(voice.info) as kernel:
        subscription = IopubSubscription(kernel.manager, Transcript())
        kernel.spawn()
        subscription.open(default_context(), voice.info, kernel.manager.spawns, recording=tmp_path)
        voice.wait_for_listener()

        voice.print(f"{END}\n")

        eventually(
            lambda: (
                subscription.listen()
                and (Role.STDOUT, END) in shown(subscription.transcript.view())
            )
        )
        subscription.close()
