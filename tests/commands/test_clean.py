"""What kernels that are gone have left is shown, removed when told to, and nothing else is."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kerneltui.commands import clean as clean_module
from kerneltui.commands.clean import clean
from kerneltui.fleet.discovery import found as found_module
from kerneltui.fleet.discovery.processes import Processes
from kerneltui.fleet.keeper.recording.recording import recording_path
from kerneltui.fleet.manifests import manifest as manifest_module
from kerneltui.fleet.manifests.lock import ManifestLock
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.reconcile.host_scan import read_manifests
from kerneltui.kernels.connection.connection_file import read_connection_file, write_connection_file
from kerneltui.kernels.connection.listeners import listeners, owner
from kerneltui.kernels.processes.identity import ProcessIdentity, boot_id, identify
from tests.fake_kernel import FakeKernel, file_in
from tests.fleet.small_kernels import ROOT
from tests.fleet.written_manifests import write_manifest
from tests.support import eventually

LONG_AGO = time.time() - 3600
DEAD = ProcessIdentity(4_000_000, 1, boot_id())


@pytest.fixture
def runtime(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = short_path / "run"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    return folder


def stranger(folder: Path, kernel_id: str, **more: object) -> Path:
    path = folder / f"kernel-{kernel_id}.json"
    write_connection_file(str(path), **more)  # type: ignore[arg-type]
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def ours(folder: Path, identity: ProcessIdentity) -> list[Path]:
    """Return the files of a kernel of ours."""
    file = folder / "kernel-0a9b.json"
    write_connection_file(str(file))
    manifest = Manifest("0a9b", "train", "python3", str(file), "/", (), LONG_AGO, identity)
    write_manifest(manifest)
    recording = recording_path(str(file), "0a9b")
    recording.write_bytes(b"")
    return [file, recording, manifest.path]


def test_a_stale_file_is_shown_and_only_then_removed(
    runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = stranger(runtime, "old")

    clean(for_real=False)
    assert stale.exists()
    assert capsys.readouterr().out.splitlines() == [
        f"would remove {stale}  (no process listens on its ports)",
        "nothing was removed: kerneltui clean --yes does it",
    ]
    clean(for_real=True)
    assert not stale.exists()


def test_all_that_a_dead_kernel_of_ours_left_goes(runtime: Path) -> None:
    files = ours(runtime, DEAD)

    clean(for_real=True)

    assert [path for path in files if path.exists()] == []


def test_a_dead_kernel_that_is_given_an_order_keeps_its_files(runtime: Path) -> None:
    files = ours(runtime, DEAD)
    lock = ManifestLock.take(files[-1])

    clean(for_real=True)

    assert [path for path in files if not path.exists()] == []
    lock.release()


def test_all_that_a_dead_kernel_of_an_earlier_kerneltui_left_goes(runtime: Path) -> None:
    file, recording, manifest = ours(runtime, DEAD)
    files = [
        file,
        manifest.rename(runtime / "kerneltui-0a9b.json"),
        recording.rename(runtime / "kerneltui-0a9b.iopub"),
        runtime / "kernel-0a9b.log",
    ]
    files[-1].touch()

    clean(for_real=True)

    assert [path for path in files if path.exists()] == []


def test_a_file_that_was_just_written_may_be_of_a_kernel_to_come(
    runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = stranger(runtime, "new")
    os.utime(fresh)

    clean(for_real=True)

    assert fresh.exists()
    assert capsys.readouterr().out.splitlines() == [
        f"left {fresh}  (just written: its kernel may be about to start)",
        "there is nothing to clean",
    ]


@pytest.fixture
def living(runtime: Path) -> Iterator[Path]:
    """The connection file of a kernel that lives."""
    file = stranger(runtime, "living")
    command = [sys.executable, "-m", "tests.kernel_process", str(file)]
    with subprocess.Popen(command, start_new_session=True, cwd=ROOT) as kernel:
        try:
            info = read_connection_file(file)
            eventually(lambda: owner(info, listeners()).pid == kernel.pid)
            yield file
        finally:
            kernel.kill()


def test_the_file_of_a_living_kernel_stays(living: Path) -> None:
    clean(for_real=True)

    assert living.exists()


def test_left_sockets_go_and_those_at_which_somebody_listens_stay(
    runtime: Path, short_path: Path
) -> None:
    stranger(runtime, "ipc", transport="ipc", ip=str(short_path / "k"))
    left, taken, other = (short_path / f"k-{number}" for number in (2, 3, 4))
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as gone:
        listening.bind(str(taken))
        listening.listen()
        gone.bind(str(left))
        gone.close()
        other.write_text("no socket")

        clean(for_real=True)

    assert [path.exists() for path in (left, taken, other)] == [False, True, True]


def test_what_may_be_of_another_host_is_told_and_stays(
    runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (found_module, manifest_module):
        monkeypatch.setattr(module, "is_shared", lambda _folder: True, raising=False)
    monkeypatch.setattr("kerneltui.fleet.discovery.scanner.is_shared", lambda _folder: True)
    theirs = stranger(runtime, "theirs")
    files = ours(runtime, replace(DEAD, boot_id="another host's"))

    clean(for_real=True)

    assert all(path.exists() for path in (theirs, *files))
    told = capsys.readouterr().out
    assert f"left {theirs}  (maybe on another host: " in told
    assert f"left {files[0]}  (maybe on another host: " in told


def test_a_kernel_of_others_that_was_started_since_the_look_keeps_its_file(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_in(runtime)
    os.utime(file, (LONG_AGO, LONG_AGO))

    with contextlib.ExitStack() as stack:

        def start_late(_manifests: object) -> list[Manifest]:
            stack.enter_context(FakeKernel(file))
            return []

        monkeypatch.setattr(clean_module, "of_this_host", start_late)
        clean(for_real=True)

        assert file.exists()


def test_a_kernel_that_was_restarted_meanwhile_keeps_its_files(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ours(runtime, DEAD)
    known = read_manifests(runtime)
    living = identify(os.getpid())
    write_manifest(replace(known[0], identity=living))
    monkeypatch.setattr(clean_module, "read_manifests", lambda _folder: known)

    clean(for_real=True)

    assert all(path.exists() for path in files)


def test_a_kernel_whose_new_process_nobody_has_noted_keeps_its_files(runtime: Path) -> None:
    files = ours(runtime, DEAD)
    command = [sys.executable, "-m", "tests.kernel_process", str(files[0])]
    with subprocess.Popen(command, cwd=ROOT) as process:
        eventually(lambda: files[0] in Processes().look())

        clean(for_real=True)

        assert all(path.exists() for path in files)
        process.kill()


@pytest.mark.parametrize("change", [{"autorestart": True}, {"order": "restarting"}])
def test_a_kernel_that_has_just_died_and_may_come_back_keeps_its_files(
    runtime: Path, change: dict[str, Any]
) -> None:
    files = ours(runtime, DEAD)
    (manifest,) = read_manifests(runtime)
    write_manifest(replace(manifest, **change))

    clean(for_real=True)
    assert all(path.exists() for path in files)

    os.utime(files[-1], (LONG_AGO, LONG_AGO))
    clean(for_real=True)
    assert not any(path.exists() for path in files)
