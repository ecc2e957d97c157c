"""What a path leads to is told, whatever the path is; what may not be looked at is not gone."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from kerneltui.path_checks import is_folder, is_gone, is_there

UNUSABLE = ("/" + "x" * 300, "/dev/null/x", "/no/such/folder/x", "/tmp/\0")


@pytest.mark.parametrize("text", UNUSABLE)
def test_where_a_path_cannot_lead_there_is_nothing(text: str) -> None:
    path = Path(text)

    assert (is_there(path), is_folder(path), is_gone(path)) == (False, False, True)


def test_a_link_to_itself_leads_nowhere(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)

    assert (is_there(link), is_gone(link)) == (False, True)


def test_files_and_folders_are_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    assert (is_there(file), is_folder(file), is_gone(file)) == (True, False, False)
    assert (is_there(tmp_path), is_folder(tmp_path), is_gone(tmp_path)) == (True, True, False)


def test_what_may_not_be_looked_at_is_neither_there_nor_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stat(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.stat", stat)
    path = Path("/root/x")

    assert (is_there(path), is_gone(path)) == (False, False)
