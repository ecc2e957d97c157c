"""A log is read as it grows; what was read is not read again when the log is cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.kernels.processes.log_file import LOG_LIMIT, LogFile
from kerneltui.kernels.processes.log_reader import Fresh, LogReader


class Growing:
    """A log that the test writes and cuts, and its reader."""

    def __init__(self, path: Path) -> None:
        self.log = LogFile(path)
        self.writer = self.log.open()
        self.fd = os.open(path, os.O_RDONLY)
        self.reader = LogReader()

    def write(self, data: bytes) -> None:
        os.write(self.writer, data)

    def read(self, limit: int | None = None) -> Fresh:
        return self.reader.read(self.fd, limit)

    def close(self) -> None:
        os.close(self.writer)
        os.close(self.fd)


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Growing]:
    growing = Growing(tmp_path / "kernel-3f2a.log")
    yield growing
    growing.close()


def lines(word: str) -> bytes:
    """Return so many lines that a log of them is cut."""
    width = len(f"{word} {0:9}\n")
    return b"".join(b"%s %9d\n" % (word.encode(), each) for each in range(LOG_LIMIT // width + 1))


def test_what_is_new_is_read(growing: Growing) -> None:
    growing.write(b"one\n")
    growing.read()
    growing.write(b"two\n")

    assert growing.read() == Fresh(b"two\n")


def test_of_a_log_that_was_cut_only_what_is_new_is_read(growing: Growing) -> None:
    growing.write(lines("old"))
    growing.read()
    growing.write(b"before the cut\n")
    growing.log.trim()
    growing.write(b"after it\n")

    assert growing.read() == Fresh(b"before the cut\nafter it\n")


def test_a_log_that_was_cut_twice_is_read_on(growing: Growing) -> None:
    growing.write(lines("old"))
    growing.read()
    growing.log.trim()
    growing.read()
    growing.write(lines("new"))
    growing.read()
    growing.log.trim()
    growing.write(b"newest\n")

    assert growing.read() == Fresh(b"newest\n")


def test_a_log_that_has_grown_again_since_it_was_cut_is_read_on(growing: Growing) -> None:
    growing.write(lines("old"))
    growing.read()
    growing.log.trim()
    growing.write(lines("new"))

    assert growing.read() == Fresh(lines("new"))


def test_lines_that_repeat_are_told_apart_from_those_that_were_read(growing: Growing) -> None:
    growing.write(b"the same\n" * (LOG_LIMIT // 9 + 1))
    growing.read()
    growing.log.trim()
    growing.write(b"the same\n" * 3)

    assert growing.read() == Fresh(b"the same\n" * 3)


def test_all_of_a_log_is_read_if_more_was_cut_off_than_was_read(growing: Growing) -> None:
    growing.write(b"old\n")
    growing.read()
    growing.write(lines("lost"))
    growing.log.trim()

    assert growing.read() == Fresh(growing.log.path.read_bytes(), is_cut=True)


def test_that_a_log_was_emptied_is_told_once(growing: Growing) -> None:
    growing.write(b"old\n")
    growing.read()
    os.truncate(growing.log.path, 0)

    assert growing.read() == Fresh(b"", is_cut=True)

    growing.write(b"new\n")
    assert growing.read() == Fresh(b"new\n")


def test_of_more_than_the_limit_the_end_is_read(growing: Growing) -> None:
    growing.write(b"lost\nend\n")

    assert growing.read(4) == Fresh(b"end\n", skipped=5)
