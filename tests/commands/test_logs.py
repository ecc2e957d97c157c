"""What the cells of a kernel printed is read from its recording, and what comes is added."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from kerneltui.commands.logs import RecordedOutput
from kerneltui.commands.since import parse_since
from kerneltui.fleet.keeper.recording.recording import Gap, recording_path
from kerneltui.fleet.keeper.recording.writer import RecordingWriter
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.wire import Session


class Recording:
    """A recording, written by the test."""

    def __init__(self, folder: Path) -> None:
        make_private_folder(own_folder(folder))
        self.path = recording_path(str(folder / "kernel-0a9b.json"), "0a9b")
        ports = {channel: number for number, channel in enumerate(Channel, start=1)}
        self.info = ConnectionInfo("ipc", str(folder / "voice"), ports, key=b"a key for tests")
        self.session = Session(self.info.key)
        self.writer = RecordingWriter(self.path)
        self.writer.begin(ProcessIdentity(4121, 77, "boot"), 1.0)

    def output(self, since: float = 0.0) -> RecordedOutput:
        return RecordedOutput(self.path, self.info, since)

    def prints(self, text: str, at: float) -> None:
        self.add(printed(self.session, text), at)

    def add(self, frames: list[bytes], at: float) -> None:
        self.writer.add_message(frames, at)
        self.writer.flush(at)


def printed(session: Session, text: str) -> list[bytes]:
    message = session.new_message("stream", {"name": "stdout", "text": text})
    return session.encode(message, [b"stream"])


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


def said(output: RecordedOutput) -> str:
    return "".join(piece.text for piece in output.read())


def test_what_is_recorded_is_told_once_and_then_what_comes(recording: Recording) -> None:
    output = recording.output()
    recording.prints("one\n", 2.0)

    assert said(output) == "one\n"

    recording.prints("two\n", 3.0)
    assert said(output) == "two\n"
    assert said(output) == ""


def test_only_what_was_printed_since_is_told(recording: Recording) -> None:
    recording.prints("early\n", 10.0)
    recording.prints("late\n", 20.0)

    assert said(recording.output(since=15.0)) == "late\n"


def test_what_may_be_missing_is_told(recording: Recording) -> None:
    recording.writer.add_gap(Gap(10.0, 20.0, "nothing was recorded"), 20.0)
    recording.writer.flush(20.0)

    assert "[something may be missing from " in said(recording.output())


def test_what_nobody_records_any_more_is_told(recording: Recording) -> None:
    recording.prints("heard\n", 2.0)
    output = recording.output()

    assert list(output.missing(is_recorded=True)) == []
    assert "nothing was recorded]" in "".join(
        piece.text for piece in output.missing(is_recorded=False)
    )

    recording.writer.end(3.0)
    recording.writer.flush(3.0)
    assert list(output.missing(is_recorded=False)) == []


def test_a_forged_message_is_not_told(recording: Recording) -> None:
    recording.add(printed(Session(b"another key"), "forged"), 2.0)

    assert said(recording.output()) == ""


NOW = datetime(2026, 11, 28, 13, 41, 30)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10m", datetime(2026, 11, 28, 13, 31, 30)),
        ("1h30m", datetime(2026, 11, 28, 12, 11, 30)),
        ("0.5d", datetime(2026, 11, 28, 1, 41, 30)),
        ("13:41", datetime(2026, 11, 28, 13, 41)),
        ("9:05", datetime(2026, 11, 28, 9, 5)),
        ("13:41:31", datetime(2026, 11, 27, 13, 41, 31)),
    ],
)
def test_since_is_an_age_or_the_last_time_that_it_was_so_late(text: str, meant: datetime) -> None:
    assert parse_since(text, NOW) == meant.timestamp()


@pytest.mark.parametrize("text", ["", "10", "m", "25:00", "13:4", "yesterday", "1h-2m"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is neither an age|hour must be"):
        parse_since(text, NOW)
