"""The end of a recording tells what a kernel does, and since when."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.fleet.keeper.recording import recording
from kerneltui.fleet.keeper.recording.format import encode_message
from kerneltui.fleet.monitoring.latest import Latest, read_latest
from kerneltui.kernels.connection.session import ClientSession
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import Message
from kerneltui.protocol.status import KernelState

INFO = ConnectionInfo("ipc", "/tmp/k", dict.fromkeys(Channel, 1), key=b"a key")
START = 1000.0


class Tape:
    """A recording that the test writes, a second for each message."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = START
        self._session = ClientSession(key=INFO.key)
        self.cell = self._session.new_message("execute_request")

    def add(self, msg_type: str, content: dict[str, object], session: object = None) -> float:
        self._at += 1
        message: Message = self._session.new_message(msg_type, content)
        message["parent_header"] = dict(self.cell["header"])
        frames = (session or self._session).encode(message)  # type: ignore[attr-defined]
        with self._path.open("ab") as file:
            file.write(encode_message([b"topic", *frames], self._at))
        return self._at

    def status(self, word: str) -> float:
        return self.add("status", {"execution_state": word})

    def begin(self, code: str) -> float:
        begun_at = self.status("busy")
        self.add("execute_input", {"code": code, "execution_count": 1})
        return begun_at

    def ask(self, times: int, msg_type: str = "kernel_info_request") -> None:
        cell, self.cell = self.cell, self._session.new_message(msg_type)
        for word in ("busy", "idle") * times:
            self.status(word)
        self.cell = cell

    def read(self, started_at: float = START) -> Latest:
        latest = read_latest(self._path, INFO, started_at)
        assert latest is not None
        return latest


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    (tmp_path / "k.iopub").touch(mode=0o600)
    return Tape(tmp_path / "k.iopub")


def test_what_runs_is_told_with_its_code_and_its_beginning(tape: Tape) -> None:
    begun_at = tape.begin("train()\nagain()")

    latest = tape.read()

    assert (latest.status.state, latest.period.since) == (KernelState.BUSY, begun_at)
    assert latest.code.startswith("train()")
    assert latest.iopub.last_activity == begun_at + 1


def test_what_is_over_is_told_with_its_end(tape: Tape) -> None:
    tape.begin("train()")
    over_at = tape.status("idle")

    latest = tape.read()

    assert (latest.status.state, latest.code) == (KernelState.IDLE, "")
    assert latest.period.since == over_at


def test_a_question_does_not_interrupt_a_rest(tape: Tape) -> None:
    tape.begin("train()")
    over_at = tape.status("idle")
    tape.ask(1, "history_request")

    assert tape.read().period.since == over_at


def test_what_an_earlier_process_said_does_not_count(tape: Tape) -> None:
    later = tape.begin("train()") + 5

    assert tape.read(later).status.state is KernelState.STARTING


def test_a_request_before_a_flood_of_output_is_found(
    tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_at = tape.begin("train()")
    for _ in range(20):
        tape.add("stream", {"name": "stdout", "text": "x" * 100})
    monkeypatch.setattr(recording, "END", 1000)

    assert tape.read().period.since == begun_at


def test_a_request_before_many_questions_is_found(
    tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_at = tape.begin("train()")
    tape.ask(20)
    monkeypatch.setattr(recording, "END", 1000)

    latest = tape.read()

    assert (latest.status.state, latest.period.since) == (KernelState.BUSY, begun_at)


def test_what_is_forged_does_not_count(tape: Tape) -> None:
    forger = ClientSession(key=b"another key")

    tape.add("status", {"execution_state": "busy"}, forger)

    assert not tape.read().status.heard


def test_of_a_kernel_that_nobody_records_nothing_is_told(tmp_path: Path) -> None:
    assert read_latest(tmp_path / "none.iopub", INFO, START) is None
