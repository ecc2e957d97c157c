"""What is recorded is read back; what is torn or damaged costs no more than what it hit."""

from __future__ import annotations

import errno
import math
import os
import stat
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.keeper.recording import writer as recording_writer
from kerneltui.fleet.keeper.recording.format import (
    DAMAGED,
    DROPPED,
    GENERATION,
    MAX_MESSAGE,
    Record,
    decode_records,
    encode_began,
    encode_gap,
    encode_message,
)
from kerneltui.fleet.keeper.recording.recording import (
    KEPT,
    Gap,
    ProcessStarted,
    expire,
    older_path,
    read_recording,
    recording_path,
    remove_recording,
    unheard_since,
)
from kerneltui.fleet.keeper.recording.writer import RecordingWriter
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder
from tests.fleet.written_manifests import write_manifest

PROCESS = ProcessIdentity(4121, 77, "boot")
NEXT = ProcessIdentity(4122, 78, "boot")
GAP = Gap(10.0, 20.0, "nothing was recorded")
FRAMES = st.lists(st.binary(max_size=300), max_size=8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_private_folder(own_folder(tmp_path))
    return recording_path(str(tmp_path / "kernel-0a9b.json"), "0a9b")


def connection_file(path: Path) -> str:
    return str(path.parent.with_name("kernel-0a9b.json"))


@pytest.fixture
def writer(path: Path) -> RecordingWriter:
    return RecordingWriter(path)


def write(writer: RecordingWriter, messages: Sequence[Sequence[bytes]], now: float = 1.0) -> None:
    for frames in messages:
        writer.add_message(frames, now)
    writer.flush(now)


def values(records: Iterable[Record]) -> list[ProcessStarted | Gap | list[bytes]]:
    return [record.value for record in records]


# -- the format ------------------------------------------------------------------------------


@given(st.lists(FRAMES, max_size=5))
def test_frames_come_back_as_they_were(messages: list[list[bytes]]) -> None:
    data = b"".join(encode_message(frames, 1.0) for frames in messages)
    assert values(decode_records(data)) == messages


def test_marks_come_back_as_they_were() -> None:
    data = encode_gap(GAP, 20.0) + encode_began(PROCESS, 20.0)

    assert values(decode_records(data)) == [GAP, ProcessStarted(PROCESS)]


@pytest.mark.parametrize("cut", range(1, 28))
def test_a_torn_record_at_the_end_is_left_out(cut: int) -> None:
    data = encode_message([b"one"], 1.0) + encode_message([b"two"], 2.0)

    assert values(decode_records(data[:-cut])) == [[b"one"]]


@given(st.data())
def test_a_damaged_byte_is_a_hole_and_costs_one_record(data: st.DataObject) -> None:
    records = [encode_message([b"%d" % number], float(number)) for number in range(1, 4)]
    position = data.draw(st.integers(0, len(records[1]) - 1))
    change = data.draw(st.integers(1, 255))
    hurt = bytearray(records[1])
    hurt[position] ^= change

    found = values(decode_records(records[0] + bytes(hurt) + records[2]))

    assert found == [[b"1"], Gap(1.0, 3.0, DAMAGED), [b"3"]]


def test_who_was_killed_in_mid_write_leaves_one_gap() -> None:
    torn = encode_message([b"lost"], 2.0)[:-1]
    data = encode_message([b"one"], 1.0) + torn + encode_gap(GAP, 20.0)

    assert values(decode_records(data)) == [[b"one"], Gap(1.0, 20.0, GAP.why)]


@given(st.binary(max_size=2000))
def test_garbage_is_read_without_an_error(data: bytes) -> None:
    list(decode_records(encode_message([b"one"], 1.0)[:4] + data))


@pytest.mark.parametrize("length", [MAX_MESSAGE + 1, 2**32 - 1, 100])
def test_a_length_in_the_file_is_not_believed(length: int) -> None:
    honest = encode_message([b"one"], 1.0)
    forged = honest[:13] + struct.pack(">I", length) + honest[17:]

    assert values(decode_records(forged + honest)) == [Gap(1.0, 1.0, DAMAGED), [b"one"]]


@pytest.mark.parametrize("instant", [1e300, -1.0, math.inf, math.nan])
def test_a_hole_at_a_time_of_no_calendar_is_damage(instant: float) -> None:
    odd = encode_gap(Gap(instant, instant, "odd"), 7.0)
    before, after = (encode_message([each], 8.0) for each in (b"before", b"after"))

    found = values(decode_records(before + odd + after))

    assert found == [[b"before"], Gap(8.0, 8.0, DAMAGED), [b"after"]]


def test_a_hole_does_not_end_before_it_begins() -> None:
    ((_, _, gap),) = decode_records(encode_gap(Gap(9.0, 7.0, "the clock was set back"), 7.0))

    assert gap == Gap(9.0, 9.0, "the clock was set back")


def test_false_starts_without_number_are_given_up() -> None:
    forged = encode_message([b"x" * 100], 1.0)[:21] * 10_000

    assert values(decode_records(forged + bytes(MAX_MESSAGE))) == [Gap(0.0, 0.0, DAMAGED)]


def test_a_message_over_the_bound_is_a_hole_that_says_so() -> None:
    (found,) = values(decode_records(encode_message([bytes(MAX_MESSAGE)], 1.0)))

    assert found == Gap(1.0, 1.0, "a message of 4.0 MB was too large to record")


def test_a_record_says_when_it_was_made() -> None:
    (record,) = decode_records(encode_message([b"one"], 12.5))

    assert isinstance(record, Record)
    assert record.at == 12.5


# -- the files -------------------------------------------------------------------------------


def test_a_missing_file_yields_nothing(path: Path) -> None:
    assert values(read_recording(path)) == []


def test_what_is_written_is_read(writer: RecordingWriter, path: Path) -> None:
    writer.add_gap(GAP, 20.0)
    writer.begin(PROCESS, 20.0)
    write(writer, [[b"a", b""], [b"b"]])
    writer.close()

    assert values(read_recording(path)) == [GAP, ProcessStarted(PROCESS), [b"a", b""], [b"b"]]


def test_only_its_owner_can_read_it(writer: RecordingWriter, path: Path) -> None:
    write(writer, [[b"a"]])
    writer.close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_link_is_followed(writer: RecordingWriter, path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))
    writer.add_message([b"a"], 1.0)

    with pytest.raises(OSError, match="it is a link"):
        writer.flush(1.0)
    assert not path.with_name("elsewhere").exists()


def test_what_others_could_write_before_is_not_written_to(
    writer: RecordingWriter, path: Path
) -> None:
    path.touch()
    path.chmod(0o666)
    writer.add_message([b"a secret"], 1.0)

    with pytest.raises(OSError, match="others may write it"):
        writer.flush(1.0)
    assert path.read_bytes() == b""
    assert "others may write it" in writer.problem


def test_what_takes_a_manifest_by_its_name_does_not_take_a_recording(path: Path) -> None:
    assert not path.match("*.json")


BIG = 3_000_000  # bytes: two of them fit into a generation


def test_two_generations_hold_the_latest_in_order(writer: RecordingWriter, path: Path) -> None:
    writer.begin(PROCESS, 1.0)
    for number in range(4):
        write(writer, [[bytes([number]) * BIG]], float(number))
    writer.close()

    found = values(read_recording(path))

    assert found[0] == ProcessStarted(PROCESS)
    assert [each[0][0] for each in found[1:] if isinstance(each, list)] == [0, 1, 2, 3]


def test_the_space_is_bounded_and_what_was_dropped_leaves_a_gap(
    writer: RecordingWriter, path: Path
) -> None:
    writer.begin(PROCESS, 1.0)
    for number in range(1, 12):
        write(writer, [[bytes([number]) * BIG]], float(number))
    writer.close()

    found = values(read_recording(path))

    assert found[:2] == [Gap(1.0, 9.0, DROPPED), ProcessStarted(PROCESS)]
    assert [each[0][0] for each in found[2:] if isinstance(each, list)] == [9, 10, 11]
    assert len(found) == 5
    assert max(path.stat().st_size, older_path(path).stat().st_size) <= GENERATION


def test_one_turn_may_fill_more_than_a_generation(writer: RecordingWriter, path: Path) -> None:
    write(writer, [[bytes([number]) * BIG] for number in range(4)])
    writer.close()

    found = [each[0][0] for each in values(read_recording(path)) if isinstance(each, list)]
    assert found == [0, 1, 2, 3]


def test_another_writer_goes_on_where_one_has_ended(path: Path) -> None:
    for process, text in ((PROCESS, b"a"), (PROCESS, b"b"), (NEXT, b"c")):
        writer = RecordingWriter(path)
        writer.begin(process, 1.0)
        write(writer, [[text]])
        writer.close()

    assert values(read_recording(path)) == [
        ProcessStarted(PROCESS),
        [b"a"],
        [b"b"],
        ProcessStarted(NEXT),
        [b"c"],
    ]


def test_a_reader_meanwhile_loses_nothing(writer: RecordingWriter, path: Path) -> None:
    write(writer, [[b"a"]])
    reading = read_recording(path)
    assert next(reading).value == [b"a"]

    write(writer, [[bytes([number]) * BIG] for number in range(6)])
    writer.close()

    assert list(reading) == []


@pytest.mark.parametrize(("is_ended", "is_missed"), [(True, False), (False, True)])
def test_a_recording_tells_whether_a_kernel_was_heard_to_its_end(
    writer: RecordingWriter, path: Path, *, is_ended: bool, is_missed: bool
) -> None:
    write(writer, [[b"a"]])
    if is_ended:
        writer.end(1.0)
        writer.flush(1.0)
    writer.close()

    assert unheard_since(path) == (path.stat().st_mtime if is_missed else None)


def test_a_removed_recording_is_gone_with_its_older_part(
    writer: RecordingWriter, path: Path
) -> None:
    write(writer, [[bytes(BIG)]] * 4)
    writer.close()

    remove_recording(connection_file(path), "0a9b")

    assert list(path.parent.iterdir()) == []


# -- a disk that takes nothing ---------------------------------------------------------------


class Disk:
    """Takes so many bytes, and then nothing."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 60
        self._write = os.write
        patch.setattr(os, "write", self.write)

    def write(self, fd: int, data: memoryview) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(fd, data[: self.room])
        self.room -= written
        return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(recording_writer, "RETRY", 0.0)
    return Disk(monkeypatch)


def fail(writer: RecordingWriter, disk: Disk, text: bytes, now: float) -> None:
    disk.room = 10
    with pytest.raises(OSError, match="No space"):
        write(writer, [[text]], now)


def test_a_half_written_record_is_taken_back(
    writer: RecordingWriter, path: Path, disk: Disk
) -> None:
    write(writer, [[b"a"]])
    size = path.stat().st_size

    fail(writer, disk, b"b", 2.0)

    assert path.stat().st_size == size
    assert "No space left on device" in writer.problem
    writer.close()


def test_a_disk_that_was_full_leaves_a_gap(writer: RecordingWriter, path: Path, disk: Disk) -> None:
    writer.begin(PROCESS, 1.0)
    write(writer, [[b"a"]])
    fail(writer, disk, b"b", 2.0)
    fail(writer, disk, b"c", 3.0)

    disk.room = 1 << 60
    write(writer, [[b"d"]], 4.0)
    writer.close()

    gap = Gap(2.0, 4.0, "the disk was full")
    assert values(read_recording(path)) == [ProcessStarted(PROCESS), [b"a"], gap, [b"d"]]
    assert writer.problem == ""


def test_a_hole_that_the_disk_did_not_take_is_part_of_a_longer_one(
    writer: RecordingWriter, path: Path, disk: Disk
) -> None:
    writer.add_gap(GAP, 20.0)
    fail(writer, disk, b"a", 20.0)

    disk.room = 1 << 60
    write(writer, [[b"b"]], 30.0)
    writer.close()

    assert values(read_recording(path)) == [Gap(10.0, 30.0, "the disk was full"), [b"b"]]


def test_nothing_is_kept_in_memory_or_tried_for_a_while_after_a_failure(
    writer: RecordingWriter, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_writer, "RETRY", 1000.0)
    fail(writer, disk, b"a", 1.0)
    disk.room = 1 << 60

    write(writer, [[b"b"]])

    assert disk.room == 1 << 60
    assert writer._pending == []
    writer.close()


# -- recordings that nobody wants any more ---------------------------------------------------


def kept(path: Path, *, age: float) -> bool:
    path.write_bytes(b"")
    os.utime(path, (1e9, 1e9))

    expire(Path(connection_file(path)).parent, 1e9 + age)

    return path.exists()


def announce(path: Path, identity: ProcessIdentity | None) -> None:
    file = connection_file(path)
    write_manifest(Manifest("0a9b", "train", "python3", file, "/", (), 1e9, identity))


def test_the_recording_of_a_dismissed_kernel_is_kept_for_a_week(path: Path) -> None:
    assert (kept(path, age=KEPT - 1), kept(path, age=KEPT + 1)) == (True, False)


def test_the_recording_of_a_dead_kernel_expires(path: Path) -> None:
    announce(path, PROCESS)

    assert not kept(path, age=KEPT + 1)


def test_the_recording_of_a_living_kernel_does_not_expire(path: Path) -> None:
    announce(path, identify(os.getpid()))

    assert kept(path, age=KEPT + 1)


def test_an_older_part_expires_with_the_recording(path: Path) -> None:
    older_path(path).write_bytes(b"")
    os.utime(older_path(path), (1e8, 1e8))

    assert kept(path, age=0)
    assert older_path(path).exists()
    assert not kept(path, age=KEPT + 1)
    assert not older_path(path).exists()
