"""Files are private, and nothing is overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kerneltui.tui.pager import page
from kerneltui.tui.private_files import free_path, write_private


def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"

    write_private(path, b"text")

    assert path.read_bytes() == b"text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")

    with pytest.raises(FileExistsError):
        write_private(path, b"text")

    assert path.read_text() == "before"


def test_a_free_name_is_found(tmp_path: Path) -> None:
    for name in ("out.txt", "out-2.txt"):
        (tmp_path / name).touch()

    assert free_path(tmp_path, "out", ".txt") == tmp_path / "out-3.txt"


def test_the_pager_gets_a_private_file_that_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("PAGER", f'sh -c \'cp -p "$0" {seen}; echo "$0" > {seen}.name\'')

    assert page("two\nlines\n") == ""

    assert seen.read_text() == "two\nlines\n"
    assert stat.S_IMODE(seen.stat().st_mode) == 0o600
    assert not Path((tmp_path / "seen.name").read_text().strip()).exists()


@pytest.mark.parametrize(
    ("pager", "problem"),
    [
        ("no-such-pager -x", "cannot run no-such-pager: No such file or directory"),
        ("'open", "cannot read $PAGER: No closing quotation"),
    ],
)
def test_a_pager_that_cannot_run_is_told(
    pager: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager)

    assert page("text").startswith(problem)
