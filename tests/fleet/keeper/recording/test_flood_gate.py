"""Of more than can be read output is skipped, and no status is."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from kerneltui.fleet.keeper.recording import flood_gate, recorded_kernel
from kerneltui.fleet.keeper.recording.flood_gate import SKIPPED, FloodGate
from kerneltui.fleet.keeper.recording.recorded_kernel import RecordedKernel
from kerneltui.fleet.keeper.recording.recording import Gap, read_recording
from kerneltui.kernels.connection.sockets import default_context
from tests.fake_kernel import FakeKernel
from tests.fleet.recorders import SpokenKernel
from tests.support import eventually

TURN = 5  # messages read at a time
FLOOD = 50  # messages


class Gated:
    """A gate, and what came through."""

    def __init__(self, voice: FakeKernel) -> None:
        self.gate = FloodGate(default_context(), voice.info)
        self.came: list[str] = []
        self._voice = voice
        voice.wait_for_listener()

    def read(self) -> list[str]:
        """Return the types of all that has come by now."""
        self.came += [raw.msg_type for raw in self.gate.receive(TURN, 10**9)]
        return self.came

    def say_status(self, topic: bytes = b"status") -> None:
        message = self._voice.session.new_message("status", parent=self._voice.cell)
        self._voice.publish_frames(self._voice.session.encode(message, [topic]))

    def flood(self, topic: bytes = b"stream") -> None:
        for _ in range(FLOOD):
            self.say_output(topic)

    def say_output(self, topic: bytes = b"stream") -> None:
        message = self._voice.session.new_message("stream", parent=self._voice.cell)
        self._voice.publish_frames(self._voice.session.encode(message, [topic]))

    def wait_until_closed(self) -> None:
        eventually(lambda: self.read() and self.gate.is_closed)


@pytest.fixture(autouse=True)
def _floods_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood_gate, "READ_IN_A_ROW", 2 * TURN)
    monkeypatch.setattr(flood_gate, "PAUSE", 0.05)


@pytest.fixture
def gated(voice: FakeKernel) -> Iterator[Gated]:
    gated = Gated(voice)
    yield gated
    gated.gate.close()


@pytest.mark.parametrize("topics", [(b"status", b"stream"), (b"all", b"all")])
def test_statuses_come_through_a_closed_gate(gated: Gated, topics: tuple[bytes, bytes]) -> None:
    of_status, of_output = topics
    gated.say_status(of_status)
    gated.flood(of_output)
    gated.wait_until_closed()

    gated.say_status(of_status)

    eventually(lambda: gated.read().count("status") == 2)
    assert gated.came.count("stream") < FLOOD


def test_what_a_cell_ends_with_comes_through_a_closed_gate(gated: Gated, voice: FakeKernel) -> None:
    gated.say_status(b"kernel.1.status")
    gated.flood(b"stream.stdout")
    gated.wait_until_closed()

    error = voice.session.encode(voice.session.new_message("error"), [b"kernel.1.error"])
    voice.publish_frames(error)

    eventually(lambda: "error" in gated.read())


@pytest.mark.parametrize("library", [ctypes.CDLL(None), object()], ids=["glibc", "other"])
def test_the_memory_of_a_flood_is_given_back_where_the_system_can(
    gated: Gated, monkeypatch: pytest.MonkeyPatch, library: object
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    gated.say_status()
    gated.flood()
    gated.wait_until_closed()

    eventually(lambda: gated.read() and not gated.gate.is_closed)


def test_output_is_read_again_once_the_flood_is_over(gated: Gated) -> None:
    gated.say_status()
    gated.flood()
    gated.wait_until_closed()
    eventually(lambda: gated.read() and not gated.gate.is_closed)

    before = gated.came.count("stream")

    def comes_through() -> bool:
        gated.say_output()  # again: the kernel may not know yet that the gate is open
        return gated.read().count("stream") > before

    eventually(comes_through)


def test_a_burst_that_is_read_at_once_closes_nothing(gated: Gated) -> None:
    gated.say_status()
    gated.flood()
    eventually(lambda: gated.gate.socket.poll(0))

    list(gated.gate.receive(10**6, 10**9))
    gated.read()

    assert not gated.gate.is_closed


def test_the_gate_stays_open_while_no_status_is_known(gated: Gated) -> None:
    gated.flood()

    eventually(lambda: gated.read().count("stream") == FLOOD)

    assert not gated.gate.is_closed


def test_what_a_recording_leaves_out_of_a_flood_is_a_gap(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_kernel, "TURN_MESSAGES", TURN)
    with SpokenKernel(short_path) as kernel:
        kernel.announce(kernel.identity)
        poller = zmq.Poller()
        recorded = RecordedKernel(kernel.manifest, poller)
        recorded.turn({})
        kernel.voice.wait_for_listener()
        kernel.voice.status("busy", kernel.voice.cell)

        def has_a_gap() -> bool:
            kernel.voice.print("a line")
            recorded.turn(dict(poller.poll(0)))
            return any(isinstance(each.value, Gap) for each in read_recording(kernel.recording))

        for _ in range(FLOOD):
            kernel.voice.print("a line")
        eventually(has_a_gap)
        recorded.close()

        values = [each.value for each in read_recording(kernel.recording)]
        assert [each.why for each in values if isinstance(each, Gap)] == [SKIPPED]
