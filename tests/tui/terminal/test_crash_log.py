"""A crash is told where it can be read again, without the values of variables."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kerneltui.tui.terminal.crash_log import log_crash

TIME = "2026-01-02 03:04:05"


@pytest.fixture
def error() -> Exception:
    def fail() -> None:
        key = "".join(("s3", "cret"))
        raise ValueError(len(key))

    with pytest.raises(ValueError, match="6") as raised:
        fail()
    return raised.value


def test_the_log_tells_where_it_failed(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "kerneltui" / "crash.log"

    said = log_crash(error, path, TIME)

    assert said.endswith(str(path))
    written = path.read_text("utf-8")
    assert written.startswith(f"{TIME}  kerneltui ")
    assert "in fail\n" in written
    assert written.endswith("ValueError: 6\n")


def test_the_log_has_no_values(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "crash.log"

    log_crash(error, path, TIME)

    assert "s3cret" not in path.read_text("utf-8")


def test_the_log_is_for_its_owner_only(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "crash.log"

    log_crash(error, path, TIME)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_said(tmp_path: Path, error: Exception) -> None:
    said = log_crash(error, tmp_path, TIME)

    assert said == f"kerneltui crashed; {tmp_path} cannot be written: Is a directory"
