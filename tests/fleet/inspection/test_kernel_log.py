"""A kernel's log: what its process wrote, with what befell it where it belongs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kerneltui.fleet.inspection import kernel_log
from kerneltui.fleet.inspection.kernel_log import KernelLog
from kerneltui.fleet.model.masking import MASK
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.log_file import LOG_LIMIT, LogFile
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder
from kerneltui.protocol.status import Event, Exited, Ordered, Reported, Spawned, Wanted
from tests.fleet.stage import shown


class Written:
    """A log whose file is written by the test, at a time that stands still."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(connection_file=str(folder / "kernel-1.json"))
        self.path = LogFile.beside(self.manager.connection_file, self.manager.kernel_id).path
        self.log = KernelLog(self.manager, lambda: 0.0)
        self.stamp = time.strftime("%H:%M:%S", time.localtime(0))

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def look(self) -> list[tuple[Role, str]]:
        """Return all lines, without the time of the events."""
        lines = shown(self.log.look().view())
        return [(role, text.removeprefix(f"{self.stamp}  ")) for role, text in lines]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    make_private_folder(own_folder(tmp_path))
    return Written(tmp_path)


def test_what_was_written_is_shown(written: Written) -> None:
    written.write(b"one\ntwo\n")

    assert written.look() == [(Role.STDOUT, "one"), (Role.STDOUT, "two")]


def test_what_was_written_has_the_time_of_the_look(written: Written) -> None:
    written.write(b"one\n")
    written.log.note("told to end")

    assert {entry.time for entry in written.log.look().view().entries} == {0.0}


DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    ("at", "stamp"),
    [
        (0.0, time.strftime("%H:%M:%S  ", time.localtime(0))),
        (-2.0 * DAY, time.strftime("%Y-%m-%d %H:%M  ", time.localtime(-2 * DAY))),
        (None, ""),
    ],
)
def test_what_was_before_has_its_own_time(written: Written, at: float | None, stamp: str) -> None:
    written.log.note_past("its own exit(3)", at)

    assert shown(written.log.look().view()) == [(Role.NOTE, f"{stamp}its own exit(3)")]


def test_a_second_look_adds_what_is_new(written: Written) -> None:
    written.write(b"one\ntw")
    written.look()
    written.write(b"o\n")

    assert written.look() == [(Role.STDOUT, "one"), (Role.STDOUT, "two")]


def test_a_character_cut_in_two_is_whole_in_the_end(written: Written) -> None:
    written.write("é".encode()[:1])
    written.look()
    written.write("é".encode()[1:])

    assert written.look() == [(Role.STDOUT, "é")]


def test_a_log_that_nobody_wrote_has_but_its_events(written: Written) -> None:
    written.log.note("started, pid 1")

    assert written.look() == [(Role.NOTE, "started, pid 1")]


def test_an_event_tells_the_time_of_day(written: Written) -> None:
    written.log.note("started")

    assert shown(written.log.look().view()) == [(Role.NOTE, f"{written.stamp}  started")]


def test_events_stand_where_they_happened_though_nobody_looked(written: Written) -> None:
    written.log.note("started")
    written.write(b"one\n")
    written.log.note("interrupted")
    written.write(b"two\n")
    written.log.note("exited")

    assert [text for _, text in written.look()] == [
        "started",
        "one",
        "interrupted",
        "two",
        "exited",
    ]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Exited(-9), "exited with SIGKILL (-9)"),
        (Exited(3, "why"), "exited with code 3"),
        (Ordered(Wanted.DOWN), "told to end"),
        (Ordered(Wanted.RESTART), "told to restart"),
        (Ordered(Wanted.DOWN, "restart failed: no file"), "restart failed: no file"),
    ],
)
def test_what_befalls_a_kernel_is_told(written: Written, event: Event, text: str) -> None:
    written.log.on_event(event)

    assert written.look() == [(Role.NOTE, text)]


def test_a_kernel_that_was_found_running_is_said_to_be_since_when(written: Written) -> None:
    identity = identify(os.getpid())
    assert identity is not None
    process = AdoptedProcess(identity)
    written.manager.life.process = process
    written.manager.life.spawned_at = time.monotonic() - 3570

    written.log.on_event(Spawned(adopted=True))

    ((_, said),) = written.look()
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(-3570))
    assert said.startswith(f"found running, pid {os.getpid()}, since {since}:")


def test_an_order_given_twice_is_told_once(written: Written) -> None:
    written.log.on_event(Ordered(Wanted.DOWN))
    written.log.on_event(Ordered(Wanted.DOWN))

    assert len(written.look()) == 1


def test_reports_are_no_events(written: Written) -> None:
    written.log.on_event(Reported("busy", "id", "execute_request"))

    assert written.look() == []


def test_of_much_the_end_is_read_and_the_rest_is_counted(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_log, "READ_LIMIT", 4)
    written.write(b"lost\nend\n")

    assert written.look() == [(Role.NOTE, "… 5 bytes skipped"), (Role.STDOUT, "end")]


def test_a_file_that_was_cut_is_read_on_behind_what_is_shown(written: Written) -> None:
    written.write((b"o" * 999 + b"\n") * (LOG_LIMIT // 1000) + b"end\n")
    before = written.look()
    LogFile(written.path).trim()
    written.write(b"new\n")

    assert written.look() == [*before, (Role.STDOUT, "new")]


def test_that_something_may_be_missing_of_a_file_that_was_cut_is_told(written: Written) -> None:
    written.write(b"one\ntwo\n")
    written.look()
    written.path.write_bytes(b"three\n")

    texts = [text for _, text in written.look()]
    assert texts == ["one", "two", "… the log was cut; something may be missing", "three"]


def test_a_link_in_place_of_the_log_is_not_followed(written: Written, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("a secret")
    written.path.symlink_to(tmp_path / "other")

    assert written.look() == []


def test_the_connection_key_is_masked(written: Written) -> None:
    written.write(b"key " + written.manager.session.key + b"\n")

    assert written.look() == [(Role.STDOUT, f"key {MASK}")]


def test_a_connection_key_that_is_written_in_two_pieces_is_masked(written: Written) -> None:
    key = written.manager.session.key
    written.write(b"key " + key[:20])
    before = written.look()
    written.write(key[20:] + b" ends\n")

    assert before == [(Role.STDOUT, "key ")]
    assert written.look() == [(Role.STDOUT, f"key {MASK} ends")]


def test_a_connection_key_is_masked_if_the_log_is_cut_before_its_second_piece(
    written: Written,
) -> None:
    key = written.manager.session.key
    written.write(b"old\n" * (LOG_LIMIT // 4) + b"key " + key[:20])
    written.look()
    LogFile(written.path).trim()
    written.write(key[20:] + b" ends\n")

    assert [text for _, text in written.look() if "key" in text] == [f"key {MASK} ends"]


def test_controls_do_not_pass(written: Written) -> None:
    written.write(b"\x1b]52;c;eA==\x07a\x1bcb\x9b2J\xc2\x9b2Jc\n")

    assert all(text.isprintable() for _, text in written.look())
