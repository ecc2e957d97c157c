"""One process at a time gives orders to a kernel, and what it must note has its space."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from kerneltui import file_lock
from kerneltui.fleet.manifests import lock as manifest_lock
from kerneltui.fleet.manifests.lock import ManifestLock, is_locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kerneltui" / "0a9b.manifest.json"


@pytest.fixture
def lock(path: Path) -> Iterator[ManifestLock]:
    lock = ManifestLock.create(path, "one")
    yield lock
    lock.release()


@pytest.mark.usefixtures("lock")
def test_a_manifest_is_locked_from_its_first_moment_on(path: Path) -> None:
    assert path.read_text() == "one"
    assert is_locked(path)


def test_a_manifest_whose_folder_could_not_be_listed_is_not_left_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_folder: Path, _pattern: str) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    ManifestLock.create(path, "one").release()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", fail)
        with pytest.raises(OSError, match="Input/output error"):
            ManifestLock.take(path)

    assert not is_locked(path)


@pytest.mark.usefixtures("lock")
def test_a_second_one_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_lock, "PATIENCE", 0.0)

    with pytest.raises(BlockingIOError):
        ManifestLock.take(path)


def test_what_was_let_go_while_this_process_stood_still_is_locked(
    lock: ManifestLock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instants, try_lock = [0.0], file_lock.try_lock

    def stand_still(fd: int, *, is_shared: bool) -> bool:
        is_free = try_lock(fd, is_shared=is_shared)
        instants.append(instants[-1] + manifest_lock.PATIENCE)
        file_lock.unlock(lock._fd)
        return is_free

    with monkeypatch.context() as patch:
        patch.setattr(file_lock, "try_lock", stand_still)
        patch.setattr(time, "monotonic", lambda: instants[-1])
        taken = ManifestLock.take(path)

    assert is_locked(path)
    taken.release()


def test_what_is_written_stays_locked(lock: ManifestLock, path: Path) -> None:
    lock.write("two")

    assert path.read_text() == "two"
    assert is_locked(path)


def test_whoever_has_let_go_is_followed_by_another(path: Path) -> None:
    ManifestLock.create(path, "one").release()

    assert not is_locked(path)
    lock = ManifestLock.take(path)
    assert is_locked(path)
    lock.release()


def test_a_manifest_that_is_gone_cannot_be_locked(path: Path) -> None:
    path.parent.mkdir()

    with pytest.raises(FileNotFoundError):
        ManifestLock.take(path)
    assert not is_locked(path)


def test_a_lock_ends_with_its_process(path: Path) -> None:
    code = (
        "import sys, signal; from pathlib import Path\n"
        "from kerneltui.fleet.manifests.lock import ManifestLock\n"
        "lock = ManifestLock.create(Path(sys.argv[1]), 'one'); lock.reserve()\n"
        "print('held', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert is_locked(path)
        holder.send_signal(signal.SIGKILL)

    assert not is_locked(path)
    ManifestLock.take(path).release()
    assert [each.name for each in path.parent.iterdir()] == [path.name]  # nor does its part stay


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    monkeypatch.setattr(tempfile, "mkstemp", refuse)


def test_what_was_reserved_can_be_written_on_a_full_disk(
    lock: ManifestLock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock.reserve()
    fill_the_disk(monkeypatch)

    lock.write("two")

    assert path.read_text() == "two"


def test_a_write_that_fails_leaves_the_manifest_as_it_was(
    lock: ManifestLock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_the_disk(monkeypatch)

    with pytest.raises(OSError, match="No space"):
        lock.write("two")

    assert path.read_text() == "one"
    assert is_locked(path)


def test_space_that_is_not_used_is_given_back(path: Path) -> None:
    lock = ManifestLock.create(path, "one")
    lock.reserve()

    lock.release()

    assert [each.name for each in path.parent.iterdir()] == [path.name]
