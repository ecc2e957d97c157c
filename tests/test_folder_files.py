"""The files of a folder, listed anew where it has changed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from kerneltui import folder_files
from kerneltui.folder_files import COARSEST, LONGEST, FolderFiles


class Hours:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    hours = Hours()
    monkeypatch.setattr(folder_files, "time", hours)
    return hours


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were listed, one for each time."""
    listed: list[Path] = []
    names_in = os.listdir

    def listdir(folder: Path) -> list[str]:
        listed.append(folder)
        return names_in(folder)

    monkeypatch.setattr(os, "listdir", listdir)
    return listed


def test_files_that_match_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "a.txt"):
        (tmp_path / name).touch()

    assert FolderFiles("*.json").look(tmp_path) == (tmp_path / "a.json", tmp_path / "b.json")


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert FolderFiles("*").look(tmp_path / "none") == ()


def test_a_folder_that_cannot_be_listed_for_a_moment_has_the_files_that_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").touch()
    files = FolderFiles("*.json")
    before = files.look(tmp_path)

    def fail(_folder: Path) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "listdir", fail)

    assert files.look(tmp_path) == before == (tmp_path / "a.json",)


def test_a_folder_that_has_not_changed_for_long_is_not_listed_again(
    tmp_path: Path, hours: Hours, listings: list[Path]
) -> None:
    files = FolderFiles("*")
    files.look(tmp_path)
    hours.now += COARSEST
    files.look(tmp_path)

    hours.now += 1.0
    files.look(tmp_path)

    assert len(listings) == 2


def test_a_file_that_comes_in_the_same_step_of_the_clock_is_seen(
    tmp_path: Path, hours: Hours
) -> None:
    files, time_of_folder = FolderFiles("*"), tmp_path.stat().st_mtime_ns
    files.look(tmp_path)
    (tmp_path / "late").touch()
    os.utime(tmp_path, ns=(time_of_folder, time_of_folder))

    hours.now += COARSEST / 2
    seen = files.look(tmp_path)

    assert seen == (tmp_path / "late",)


def test_a_file_that_comes_to_a_folder_of_old_is_seen_at_once(tmp_path: Path, hours: Hours) -> None:
    os.utime(tmp_path, (0, 0))  # the system's clock for files has steps of some milliseconds
    files = FolderFiles("*")
    files.look(tmp_path)
    hours.now += COARSEST
    files.look(tmp_path)

    (tmp_path / "new").touch()

    assert files.look(tmp_path) == (tmp_path / "new",)


def test_a_folder_that_keeps_no_time_is_listed_in_the_end(tmp_path: Path, hours: Hours) -> None:
    files, time_of_folder = FolderFiles("*"), tmp_path.stat().st_mtime_ns
    files.look(tmp_path)
    hours.now += COARSEST
    files.look(tmp_path)
    (tmp_path / "new").touch()
    os.utime(tmp_path, ns=(time_of_folder, time_of_folder))

    hours.now += LONGEST

    assert files.look(tmp_path) == (tmp_path / "new",)
