"""A file is opened only if it is ours, and nothing that lies in its place is waited for."""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kerneltui.private_file import (
    folder_problem,
    free_path,
    make_private_folder,
    open_private,
    read_private,
    read_regular,
    why_not_ours,
    why_not_readable,
    write_new,
)

ME, LIMIT = 1000, 100


def status(mode: int, uid: int = ME, size: int = 0) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, uid, uid, size, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "uid", "writers", "why"),
    [
        (0o600, ME, 0, ""),
        (0o644, ME, 0, ""),
        (0o664, ME, stat.S_IWGRP, ""),
        (0o664, ME, 0, "others may write it (mode 0664)"),
        (0o602, ME, 0, "others may write it (mode 0602)"),
        (0o666, ME, stat.S_IWGRP, "others may write it (mode 0666)"),
        (0o600, 0, 0, "it belongs to another user (uid 0)"),
    ],
)
def test_a_file_is_ours_where_nobody_else_can_write_it(
    mode: int, uid: int, writers: int, why: str
) -> None:
    assert why_not_ours(status(stat.S_IFREG | mode, uid), ME, writers) == why


@pytest.mark.parametrize(
    ("mode", "size", "why"),
    [
        (stat.S_IFREG, LIMIT, ""),
        (stat.S_IFREG, LIMIT + 1, "it has 101 bytes, more than 100"),
        (stat.S_IFIFO, 0, "it is not a regular file"),
        (stat.S_IFCHR, 0, "it is not a regular file"),
        (stat.S_IFDIR, 0, "it is a folder"),
    ],
)
def test_a_file_is_readable_where_it_comes_to_an_end(mode: int, size: int, why: str) -> None:
    assert why_not_readable(status(mode, size=size), LIMIT) == why


def link(path: Path) -> None:
    target = path.with_name("target")
    target.write_text("text")
    path.symlink_to(target)


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def open_to_all(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo": (os.mkfifo, "it is not a regular file"),
    "socket": (bind, "it is not a regular file"),
    "folder": (Path.mkdir, "it is a folder"),
    "link": (link, "it is a link"),
    "link to itself": (lambda path: path.symlink_to(path), "it is a link"),
    "link to zeros": (lambda path: path.symlink_to("/dev/zero"), "it is a link"),
    "too large": (lambda path: path.write_bytes(b"x" * (LIMIT + 1)), "it has 101 bytes"),
    "open to all": (open_to_all, "others may write it (mode 0666)"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_of_ours_is_refused_and_not_waited_for(short_path: Path, kind: str) -> None:
    make, why = ODD[kind]
    make(short_path / "file")

    with pytest.raises(PermissionError, match=re.escape(why)):
        read_private(short_path / "file", LIMIT)


@pytest.mark.parametrize("kind", ["fifo", "socket", "link", "open to all"])
def test_nothing_is_appended_to_what_is_not_ours(short_path: Path, kind: str) -> None:
    make, why = ODD[kind]
    make(short_path / "file")

    with pytest.raises(PermissionError, match=re.escape(why)):
        open_private(short_path / "file", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def test_another_users_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)

    with pytest.raises(PermissionError, match="another user"):
        read_private(tmp_path / "file", LIMIT)


def test_a_file_that_is_made_is_private_and_can_block(tmp_path: Path) -> None:
    fd = open_private(tmp_path / "file", os.O_RDWR | os.O_CREAT)

    assert stat.S_IMODE(os.fstat(fd).st_mode) == 0o600
    assert (os.get_blocking(fd), os.get_inheritable(fd)) == (True, False)
    os.close(fd)


def test_a_file_that_the_user_names_may_be_a_link(tmp_path: Path) -> None:
    link(tmp_path / "file")

    assert read_regular(tmp_path / "file", LIMIT) == b"text"


@pytest.mark.parametrize("kind", ["fifo", "folder", "link to zeros"])
def test_what_the_user_names_is_read_only_where_it_ends(short_path: Path, kind: str) -> None:
    make, why = ODD[kind]
    make(short_path / "file")

    with pytest.raises(PermissionError, match=why.replace("it is a link", "regular file")):
        read_regular(short_path / "file", LIMIT)


# -- folders ---------------------------------------------------------------------------------


def test_a_folder_is_made_private(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "run" / "ours", parents=True)

    assert stat.S_IMODE((tmp_path / "run" / "ours").stat().st_mode) == 0o700


def test_a_folder_that_is_there_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir(0o755)

    make_private_folder(tmp_path / "ours")

    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "make",
    [Path.touch, lambda path: path.symlink_to("/tmp"), lambda path: path.symlink_to(path)],
    ids=["file", "link", "link to itself"],
)
def test_what_is_no_folder_of_ours_is_not_used(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "ours")

    with pytest.raises(PermissionError, match="it is a link, or not a folder"):
        make_private_folder(tmp_path / "ours")


def test_a_folder_above_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        make_private_folder(tmp_path / "gone" / "ours")


@pytest.mark.parametrize(
    ("mode", "told"),
    [(0o700, ""), (0o755, ""), (0o777, "mode 0777"), (0o1777, "mode 1777"), (0o770, "mode 0770")],
)
def test_a_folder_that_others_can_write_is_told(tmp_path: Path, mode: int, told: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(mode)

    problem = folder_problem(folder)

    assert (told in problem) if told else (problem == "")


def test_a_folder_that_is_missing_is_no_problem(tmp_path: Path) -> None:
    assert folder_problem(tmp_path / "gone") == ""


def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"

    write_new(path, b"text")

    assert path.read_bytes() == b"text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")

    with pytest.raises(FileExistsError):
        write_new(path, b"text")

    assert path.read_text() == "before"


def test_a_free_name_is_found(tmp_path: Path) -> None:
    for name in ("out.txt", "out-2.txt"):
        (tmp_path / name).touch()

    assert free_path(tmp_path, "out", ".txt") == tmp_path / "out-3.txt"
