from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.errors import LaunchError
from kerneltui.kernels.processes import log_file
from kerneltui.kernels.processes.log_file import LogFile


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "kernel-3f2a.log")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of at most 40 bytes, of which the last 10 are kept."""
    monkeypatch.setattr(log_file, "LOG_LIMIT", 40)
    monkeypatch.setattr(log_file, "KEPT", 10)


@pytest.fixture
def kernel(log: LogFile) -> Iterator[int]:
    """What a running kernel writes to."""
    fd = log.open()
    yield fd
    os.close(fd)


def write(log: LogFile, text: bytes) -> None:
    """Launch a process that writes `text` and ends."""
    fd = log.open()
    os.write(fd, text)
    os.close(fd)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_log_lies_where_no_part_of_an_id_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))

    log = LogFile.beside(str(tmp_path / "mine.json"), "3f2a")
    write(log, b"hello\n")

    assert log.path == tmp_path / "run" / "kerneltui" / "3f2a.log"
    assert mode(log.path.parent) == 0o700
    assert list(tmp_path.glob("*3f2a*")) == []


def test_a_log_of_an_earlier_kerneltui_stays_beside_the_connection_file(tmp_path: Path) -> None:
    (tmp_path / "kernel-3f2a.log").touch()

    assert LogFile.beside(str(tmp_path / "kernel-3f2a.json"), "3f2a").path == (
        tmp_path / "kernel-3f2a.log"
    )


def test_a_folder_that_is_a_link_to_itself_is_named_and_no_obstacle_later(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "kerneltui" / "3f2a.log")
    log.path.parent.symlink_to("kerneltui")

    with pytest.raises(LaunchError, match="it is a link, or not a folder"):
        log.open()
    log.remove()


# -- opening ------------------------------------------------------------------------


def test_a_log_is_private(log: LogFile) -> None:
    write(log, b"")

    assert mode(log.path) == 0o600


def test_a_log_that_others_could_read_is_made_private(log: LogFile) -> None:
    log.path.touch(0o644)
    write(log, b"")

    assert mode(log.path) == 0o600


def test_a_restarted_kernel_leaves_the_old_output_in_place(log: LogFile) -> None:
    write(log, b"first\n")
    write(log, b"second\n")

    assert log.path.read_bytes() == b"first\nsecond\n"


def test_no_child_inherits_the_log_unasked(kernel: int) -> None:
    assert not os.get_inheritable(kernel)


def test_a_link_is_not_followed(log: LogFile, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    log.path.symlink_to(tmp_path / "precious")

    with pytest.raises(LaunchError, match=r"cannot write the kernel's output to .*3f2a.log"):
        log.open()


def test_somebody_elses_file_is_refused(log: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    log.path.touch()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)

    with pytest.raises(LaunchError, match="it belongs to another user"):
        log.open()


def test_what_is_no_regular_file_is_refused() -> None:
    with pytest.raises(LaunchError, match="it is not a regular file"):
        LogFile(Path("/dev/null")).open()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="No such file or directory"):
        LogFile(tmp_path / "gone" / "kernel.log").open()


# -- reading ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"", ()),
        (b"one\n", ("one",)),
        (b"one\ntwo", ("one", "two")),
        (b"zero\none\ntwo\n", ("one", "two")),
        (b"one\n\n \ntwo\n\n", ("one", "two")),
        (b"one\r\ntwo\r\n", ("one", "two")),
        (b"10 %\r50 %\r99 %\nend", ("99 %", "end")),
        (b"\xff\xc3\xa9\n", ("\N{REPLACEMENT CHARACTER}é",)),
    ],
)
def test_the_tail_is_the_last_lines(written: bytes, shown: tuple[str, ...], log: LogFile) -> None:
    write(log, written)

    assert log.tail(2) == shown


def test_no_control_character_is_in_the_tail(log: LogFile) -> None:
    write(log, b"\x1b[31mred\x1b[0m\x07\x9b2J\n")

    assert log.tail(1)[0].isprintable()


def test_a_log_that_was_never_opened_has_no_tail(log: LogFile) -> None:
    assert log.tail(5) == ()


def test_the_tail_is_of_the_latest_process_only(log: LogFile, kernel: int) -> None:
    os.write(kernel, b"Address in use\n")
    write(log, b"hello\n")

    assert log.tail(5) == ("hello",)


def test_a_log_found_in_place_is_read_from_its_start(log: LogFile) -> None:
    write(log, b"hello\n")

    assert LogFile(log.path).tail(5) == ("hello",)


def test_the_tail_holds_no_half_lines(log: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "TAIL_BYTES", 8)
    write(log, b"a long line\nend\n")

    assert log.tail(5) == ("end",)


# -- trimming -----------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_a_log_within_the_limit_is_left_alone(log: LogFile) -> None:
    write(log, b"x" * 40)
    log.trim()

    assert log.path.stat().st_size == 40


@pytest.mark.usefixtures("small")
def test_a_log_over_the_limit_keeps_its_last_lines(log: LogFile) -> None:
    write(log, b"x" * 40 + b"\none\ntwo\n")
    log.trim()

    assert log.path.read_bytes() == b"one\ntwo\n"


@pytest.mark.usefixtures("small")
def test_a_line_over_the_limit_keeps_its_end(log: LogFile) -> None:
    write(log, b"x" * 40 + b"0123456789")
    log.trim()

    assert log.path.read_bytes() == b"0123456789"


@pytest.mark.usefixtures("small")
def test_a_kernel_goes_on_writing_behind_what_was_kept(log: LogFile, kernel: int) -> None:
    os.write(kernel, b"x" * 40 + b"\none\n")
    log.trim()
    os.write(kernel, b"two\n")

    assert log.path.read_bytes() == b"one\ntwo\n"


@pytest.mark.usefixtures("small")
def test_the_latest_process_is_told_apart_after_trimming(log: LogFile) -> None:
    write(log, b"x" * 40 + b"\nold\n")
    write(log, b"new\n")
    log.trim()

    assert (log.tail(5), log.path.read_bytes()) == (("new",), b"old\nnew\n")


def test_a_log_that_is_gone_needs_no_trimming(log: LogFile) -> None:
    log.trim()

    assert not log.path.exists()


def test_a_removed_log_is_gone(log: LogFile) -> None:
    write(log, b"hello\n")
    log.remove()
    log.remove()

    assert not log.path.exists()


def test_the_tail_tells_no_key(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "kernel-3f2a.log", b"0123-secret")
    write(log, b"my key is 0123-secret\n")

    assert log.tail(5) == ("my key is ••••",)
