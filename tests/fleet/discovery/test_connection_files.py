"""A connection file is read once, unless it changes or could not be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from kerneltui.fleet.discovery import connection_files
from kerneltui.fleet.discovery.connection_files import ConnectionFiles
from kerneltui.kernels.connection.connection_file import write_connection_file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    file = tmp_path / "kernel-0a9b.json"
    write_connection_file(str(file))
    return file


def run_out_of_descriptors(patch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_more: object) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    patch.setattr(connection_files, "read_private", fail)


def test_a_file_that_cannot_be_read_for_a_moment_stays_known(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ConnectionFiles()
    before = files.look()
    os.utime(file)
    run_out_of_descriptors(monkeypatch)

    assert list(before) == [file]
    assert files.look() == before


def test_a_file_that_could_not_be_read_is_read_at_the_next_look(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ConnectionFiles()
    with monkeypatch.context() as patch:
        run_out_of_descriptors(patch)
        assert list(files.look()) == []

    assert list(files.look()) == [file]
