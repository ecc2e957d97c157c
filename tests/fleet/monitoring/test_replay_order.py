"""The past ends where we have heard all ourselves, and what is missing before is marked."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from kerneltui.errors import ProtocolError
from kerneltui.fleet.keeper.recording.recording import Gap, Growth, ProcessStarted, recording_path
from kerneltui.fleet.keeper.recording.writer import RecordingWriter
from kerneltui.fleet.monitoring import replay as replays
from kerneltui.fleet.monitoring.replay import Past, Replay
from kerneltui.fleet.transcript.batch import Received
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.wire import Session
from tests.fake_kernel import KEY

PROCESS = ProcessIdentity(4121, 77, "boot")
TOPIC = b"kerneltui-1"
LONG_AGO = 100.0  # seconds


class Recalled:
    """A recording that the test writes, and who reads it back."""

    def __init__(self, folder: Path) -> None:
        self.path = recording_path(str(folder / "kernel-1.json"), "1")
        self.writer = RecordingWriter(self.path)
        self.session = Session(KEY)
        self._reader = Session(KEY)
        self.writer.begin(PROCESS, self.ago(LONG_AGO))

    def ago(self, seconds: float) -> float:
        return time.time() - seconds

    def open(self) -> Replay:
        ports = {channel: number for number, channel in enumerate(Channel, start=1)}
        return Replay(self.path, ConnectionInfo("ipc", "/x", ports, key=KEY), TOPIC)

    def say(self, text: str) -> list[bytes]:
        message = self.session.new_message("stream", {"name": "stdout", "text": text})
        return self.session.encode(message, [b"stream"])

    def welcome(self) -> list[bytes]:
        return self.session.encode(self.session.new_message("iopub_welcome"), [TOPIC])

    def record(self, *messages: list[bytes], at: float) -> None:
        for frames in messages:
            self.writer.add_message(frames, at)
        self.writer.flush(at)
        os.utime(self.path, (at, at))

    def hear(self, *messages: list[bytes]) -> list[Received]:
        return [(RawMessage(frames), self._reader.decode(frames)) for frames in messages]

    def told(self, past: Sequence[Past]) -> list[str]:
        """Return what is shown: the text of messages, and why something is missing."""
        return [self._told(each) for each in past if not isinstance(each, ProcessStarted)]

    def _told(self, each: Past) -> str:
        if isinstance(each, Gap):
            return each.why
        assert not isinstance(each, ProcessStarted)
        try:
            return str(Session(KEY).believe(each[0])["content"]["text"])
        except ProtocolError as error:
            raise AssertionError(each) from error


@pytest.fixture
def replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recalled:
    monkeypatch.setattr(replays, "RECORD_TIME", 0.0)
    make_private_folder(own_folder(tmp_path))
    return Recalled(tmp_path)


def test_what_is_recorded_from_our_welcome_on_is_heard_here(replayed: Recalled) -> None:
    before, during, after = map(replayed.say, ("before", "during", "after"))
    replayed.record(before, during, at=replayed.ago(1))
    replay = replayed.open()
    replay.hold(replayed.hear(during, replayed.welcome(), after))
    replayed.record(replayed.welcome(), after, at=replayed.ago(0))

    past = replay.read()

    assert replayed.told([*past, *replay.release()]) == ["before", "during", "after"]


def test_held_messages_stand_before_what_a_later_recorder_has_recorded(replayed: Recalled) -> None:
    before, held, both, on_its_way = map(replayed.say, ("before", "held", "both", "on its way"))
    replayed.record(before, at=replayed.ago(LONG_AGO))
    replay = replayed.open()
    replay.hold(replayed.hear(replayed.welcome(), held, both))
    now = time.time() + 1
    replayed.writer.add_gap(Gap(replayed.ago(LONG_AGO), now, "nobody recorded"), now)
    replayed.writer.begin(PROCESS, now)
    replayed.record(both, on_its_way, at=now)

    past = replay.read()

    assert replayed.told([*past, *replay.release()]) == [
        "before",
        "nobody recorded",
        "held",
        "both",
    ]


def test_a_gap_ends_where_we_began_to_listen(replayed: Recalled) -> None:
    replayed.record(replayed.say("before"), at=replayed.ago(LONG_AGO))
    replay = replayed.open()
    replay.hold(replayed.hear(replayed.welcome(), replayed.say("held")))
    heard_since, later = time.time(), time.time() + 1
    replayed.writer.add_gap(Gap(replayed.ago(LONG_AGO), later, "nobody recorded"), later)
    replayed.record(at=later)

    *_, gap = replay.read()

    assert isinstance(gap, Gap)
    assert gap.since < gap.until <= heard_since


def test_a_kernel_without_welcomes_is_recorded_where_its_messages_are(
    replayed: Recalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "RECORD_TIME", 60.0)
    before, first, second = map(replayed.say, ("before", "first", "second"))
    replayed.record(before, at=replayed.ago(1))
    replay = replayed.open()
    replayed.record(first, second, at=replayed.ago(0))
    at_first = replay.read()
    replay.hold(replayed.hear(first, second))

    past = replay.read()

    assert at_first == []
    assert replayed.told([*past, *replay.release()]) == ["before", "first", "second"]


def test_the_recording_of_a_kernel_that_was_heard_to_its_end_is_read_to_its_end(
    replayed: Recalled,
) -> None:
    before, both, last = map(replayed.say, ("before", "both", "last"))
    replayed.record(before, at=replayed.ago(1))
    replay = replayed.open()
    replay.hold(replayed.hear(both))
    replay.note_end()
    replayed.record(both, last, at=replayed.ago(0))
    replayed.writer.end(replayed.ago(0))
    replayed.record(at=replayed.ago(0))

    past = replay.read()

    assert replayed.told([*past, *replay.release()]) == ["before", "both", "last"]


def test_a_recording_that_ended_before_we_came_leaves_a_gap(replayed: Recalled) -> None:
    replayed.record(replayed.say("before"), at=replayed.ago(LONG_AGO))
    replay = replayed.open()
    replay.hold(replayed.hear(replayed.welcome()))

    assert replayed.told(replay.read()) == ["before", "nothing was recorded"]


def test_a_gap_is_marked_though_there_was_another_one_just_before(replayed: Recalled) -> None:
    replayed.writer.add_gap(Gap(replayed.ago(3), replayed.ago(2), "nobody recorded"), 1.0)
    replayed.record(replayed.say("between"), at=replayed.ago(1))
    replay = replayed.open()
    replay.hold(replayed.hear(replayed.welcome()))

    told = replayed.told(replay.read())

    assert told == ["nobody recorded", "between", "nothing was recorded"]


def test_a_gap_does_not_end_before_it_begins(replayed: Recalled) -> None:
    replayed.record(replayed.say("before"), at=replayed.ago(LONG_AGO))
    replay = replayed.open()
    replay.hold(replayed.hear(replayed.welcome()))
    replayed.record(replayed.say("behind"), at=time.time() + 1)

    *_, gap = replay.read()

    assert isinstance(gap, Gap)
    assert gap.since <= gap.until


def test_where_a_kernel_died_unheard_there_is_a_mark(replayed: Recalled) -> None:
    replayed.record(replayed.say("before"), at=replayed.ago(LONG_AGO))
    replay = replayed.open()
    replay.note_end()

    assert replayed.told(replay.read()) == ["before", "nothing was recorded"]


def test_of_a_kernel_that_was_heard_to_its_end_nothing_is_missing(replayed: Recalled) -> None:
    replayed.record(replayed.say("last words"), at=replayed.ago(LONG_AGO))
    replayed.writer.end(replayed.ago(LONG_AGO))
    replayed.record(at=replayed.ago(LONG_AGO))
    replay = replayed.open()
    replay.note_end()

    assert replayed.told(replay.read()) == ["last words"]


def test_the_end_of_a_kernel_is_waited_for_as_its_recorder_may_live(
    replayed: Recalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "RECORD_TIME", 60.0)
    replayed.record(at=replayed.ago(LONG_AGO))
    replay = replayed.open()
    replay.note_end()
    at_first = replay.read()

    replayed.record(replayed.say("last words"), at=replayed.ago(0))
    replayed.writer.end(replayed.ago(0))
    replayed.record(at=replayed.ago(0))

    assert at_first == []
    assert replayed.told(replay.read()) == ["last words"]


def test_a_recording_is_searched_only_as_far_as_it_has_grown(replayed: Recalled) -> None:
    replayed.record(replayed.say("x" * 100_000), at=replayed.ago(1))
    growth = Growth(replayed.path, 10)
    replayed.record(replayed.say("new"), at=replayed.ago(0))

    first, second = growth.read(), growth.read()

    assert b"new" in first[0]
    assert len(first[0]) < 1_000
    assert [len(each) for each in second] == [10]


def test_a_new_generation_is_searched_from_its_beginning(replayed: Recalled) -> None:
    replayed.record(replayed.say("old"), at=replayed.ago(1))
    growth = Growth(replayed.path, 10)
    replayed.path.rename(replayed.path.with_name(replayed.path.name + ".old"))
    replayed.path.write_bytes(b"a new generation")

    assert growth.read()[-1] == b"a new generation"
