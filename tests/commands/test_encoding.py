"""A terminal that has not all characters gets question marks for the others, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(encoding: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command line with a configuration folder of that name."""
    places = {name: str(folder) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME")}
    places["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    return subprocess.run(
        [sys.executable, "-m", "kerneltui", *arguments],
        env={**os.environ, **places, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", b"? ????"), ("latin-1", b"\xe9 ????"), ("utf-8", "é 漢字".encode())],
)
def test_what_an_encoding_lacks_is_replaced_cell_by_cell(
    encoding: str, shown: bytes, tmp_path: Path
) -> None:
    ended = run(encoding, tmp_path / "é 漢字", "paths")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"state             %s/%s/kerneltui" % (os.fsencode(tmp_path), shown) in ended.stdout


def test_only_ascii_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    ended = run("utf-8", tmp_path / "é 漢字", "--ascii", "paths")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"state             %s/? ????/kerneltui" % os.fsencode(tmp_path) in ended.stdout


def test_an_error_is_told_in_an_encoding_that_lacks_its_words(tmp_path: Path) -> None:
    ended = run("ascii", tmp_path, "wait", "漢字")

    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(b"kerneltui: ")
    assert b"????" in ended.stderr


def test_a_name_that_is_not_utf_8_is_printed(tmp_path: Path) -> None:
    ended = run("utf-8", Path(os.fsdecode(os.fsencode(tmp_path) + b"/x\xff")), "paths")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"/x?/kerneltui" in ended.stdout
