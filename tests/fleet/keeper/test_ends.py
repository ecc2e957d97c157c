"""How kernels have ended is noted in their manifests by the keeper, whoever watches."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.fleet.diagnosis.death import Death, Sent
from kerneltui.fleet.keeper import ends as ends_module
from kerneltui.fleet.keeper.ends import End, Ends
from kerneltui.fleet.manifests import lock as lock_module
from kerneltui.fleet.manifests.lock import ManifestLock
from kerneltui.fleet.manifests.manifest import Manifest, read_manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from tests.fleet.recorders import RunningRecorder, SpokenKernel
from tests.fleet.written_manifests import write_manifest
from tests.support import PATIENCE, as_before_linux_6_15, eventually

GONE = ProcessIdentity(1, 2, "another boot")


class Kept:
    """Ends, and one kernel's manifest."""

    def __init__(self, folder: Path) -> None:
        store = ManifestStore(folder, lambda problem: pytest.fail(problem))
        self.ends = Ends(store)
        self.manifest = Manifest(
            kernel_id="0a9b",
            name="train",
            kernel_name="python3",
            connection_file=str(folder / "kernel-0a9b.json"),
            cwd="/",
            environment=(),
            started_at=time.time(),
            identity=GONE,
        )
        write_manifest(self.manifest)

    def look(self) -> Death | None:
        self.ends.look([self.manifest])
        return read_manifest(self.manifest.path).death


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


@pytest.mark.parametrize(("returncode", "told"), [(3, (3, None)), (-11, (None, 11))])
def test_an_end_is_noted_with_its_code_or_signal(
    kept: Kept, returncode: int, told: tuple[int | None, int | None]
) -> None:
    before = time.time()
    kept.ends.note(GONE, returncode)

    death = kept.look()

    assert death is not None
    assert (death.exit_code, death.signum) == told
    assert death.at is not None
    assert before <= death.at <= time.time()


def test_an_end_that_is_seen_before_its_code_is_told_is_awaited_for_a_moment(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.ends.await_end(GONE)

    kept.ends.note(GONE, None)

    assert kept.ends.is_awaited(GONE)
    monkeypatch.setattr(ends_module, "LAST_WORDS", 0.0)
    kept.look()
    assert not kept.ends.is_awaited(GONE)


def test_who_ordered_it_is_noted_even_if_that_was_written_just_before(kept: Kept) -> None:
    sent = Sent(signal.SIGTERM, "kerneltui signal", time.time())
    kept.manifest.path.unlink()
    write_manifest(replace(kept.manifest, sent=sent))
    kept.ends.note(GONE, -15)

    death = kept.look()

    assert death is not None
    assert death.sent == sent


def test_an_end_without_a_code_is_noted_with_its_time(kept: Kept) -> None:
    kept.ends.note(GONE, None)

    death = kept.look()

    assert death is not None
    assert (death.exit_code, death.signum) == (None, None)
    assert death.at is not None


def test_a_code_that_is_known_later_counts(kept: Kept) -> None:
    kept.ends.note(GONE, None)
    kept.look()

    kept.ends.note(GONE, 3)

    death = kept.look()
    assert death is not None
    assert death.exit_code == 3


def test_while_another_process_gives_an_order_it_is_noted_later_and_nothing_waits(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.ends.note(GONE, 3)
    lock = ManifestLock.take(kept.manifest.path)
    with monkeypatch.context() as patch:
        patch.setattr(ManifestLock, "take", lambda _path: pytest.fail("it waits for the lock"))
        assert kept.look() is None

    lock.release()

    assert kept.look() is not None


WRAPPER = replace(GONE, pid=7)


@pytest.fixture
def wrapped(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A kernel that a wrapper runs, whose exit code only the wrapper learns."""
    monkeypatch.setattr(ends_module, "LAST_WORDS", 0.0)
    kept.manifest = replace(kept.manifest, launched=WRAPPER)
    kept.manifest.path.unlink()
    write_manifest(kept.manifest)
    return kept


@pytest.mark.parametrize("is_wrapper_first", [False, True])
def test_a_wrapper_tells_how_its_kernel_has_ended(
    wrapped: Kept, monkeypatch: pytest.MonkeyPatch, is_wrapper_first: bool
) -> None:
    monkeypatch.setattr(ends_module, "TOGETHER", PATIENCE)
    ends = [(GONE, None), (WRAPPER, 137)]
    for identity, returncode in reversed(ends) if is_wrapper_first else ends:
        wrapped.ends.note(identity, returncode)

    death = wrapped.look()

    assert death is not None
    assert (death.exit_code, death.signum) == (None, signal.SIGKILL)


def test_a_wrapper_that_ended_before_its_kernel_tells_nothing_of_its_end(
    wrapped: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends_module, "TOGETHER", 0.0)
    wrapped.ends.note(WRAPPER, 3)
    wrapped.ends.note(GONE, None)

    death = wrapped.look()

    assert death is not None
    assert (death.exit_code, death.signum) == (None, None)


def test_the_code_of_a_kernel_itself_is_not_read_as_its_wrappers(wrapped: Kept) -> None:
    wrapped.ends.note(WRAPPER, 1)
    wrapped.ends.note(GONE, 137)

    death = wrapped.look()

    assert death is not None
    assert (death.exit_code, death.signum) == (137, None)


class Disk:
    """A disk that is full at first."""

    def __init__(self) -> None:
        self.is_full = True
        self.attempts = 0
        self._new_part = lock_module._new_part

    def new_part(self, path: Path) -> lock_module._Part:
        if not self.is_full:
            return self._new_part(path)
        self.attempts += 1
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(lock_module, "_new_part", disk.new_part)
    return disk


def test_while_the_disk_is_full_it_is_seldom_tried_to_note_an_end(
    kept: Kept, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends_module, "RETRY", PATIENCE)
    kept.ends.note(GONE, 3)

    for _ in range(3):
        kept.look()

    assert disk.attempts == 1
    assert kept.ends.has_news


def test_an_end_that_could_not_be_noted_is_accounted_for_once(
    kept: Kept, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_of, accounts = ends_module._account_of, []

    def account(manifest: Manifest, end: End) -> Death:
        accounts.append(account_of(manifest, end))
        return accounts[-1]

    monkeypatch.setattr(ends_module, "_account_of", account)
    monkeypatch.setattr(ends_module, "RETRY", 0.0)
    monkeypatch.setattr(ends_module, "LAST_WORDS", 0.0)
    kept.ends.note(GONE, 3)
    for _ in range(3):
        kept.look()
    assert disk.attempts == 3

    disk.is_full = False

    assert accounts == [kept.look()]
    assert not kept.ends.has_news


def test_an_end_of_the_process_before_is_not_noted(kept: Kept) -> None:
    kept.ends.note(replace(GONE, pid=3), 3)

    assert kept.look() is None


@pytest.mark.parametrize("wait", [0.0, ends_module.NAMELESS])
def test_it_is_forgotten_only_once_no_manifest_will_name_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, wait: float
) -> None:
    kept.ends.note(GONE, 3)
    monkeypatch.setattr(ends_module, "NAMELESS", ends_module.NAMELESS - wait)
    kept.ends.look([])  # its dashboard has not noted its process yet

    assert (kept.look() is None) == bool(wait)


def test_a_child_that_has_ended_is_reaped(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "exit(5)"]) as child:
        identity = identify(child.pid)
        assert identity is not None
        monkeypatch.setattr(ends_module, "_ended_child", _only(child.pid))

        eventually(lambda: kept.ends.exit_code(identity) == 5)

        assert not Path(f"/proc/{child.pid}").exists()
        child.returncode = 5  # it was waited for


def _only(pid: int) -> Callable[[], int | None]:
    """Return a function that finds this child once it has ended, and no child of other tests."""

    def find() -> int | None:
        try:
            found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        return pid if found else None

    return find


def test_codes_of_long_ago_are_forgotten(kept: Kept) -> None:
    for pid in range(ends_module.KNOWN + 1):
        kept.ends.note(replace(GONE, pid=pid), 3)

    assert kept.ends.exit_code(replace(GONE, pid=0)) is None
    assert kept.ends.exit_code(replace(GONE, pid=1)) == 3


# -- with a keeper that runs ----


def test_what_ran_is_noted_a_moment_later(short_path: Path) -> None:
    with SpokenKernel(short_path) as kernel, RunningRecorder(short_path):
        kernel.announce(kernel.identity)
        kernel.voice.wait_for_listener()
        cell = kernel.voice.cell
        kernel.voice.publish("status", {"execution_state": "busy"}, cell)
        kernel.voice.publish("execute_input", {"code": "train()", "execution_count": 1}, cell)
        eventually(
            lambda: kernel.recording.exists() and b"train()" in kernel.recording.read_bytes()
        )

        kernel.die()

        def death() -> Death | None:
            return read_manifest(kernel.manifest.path).death

        eventually(lambda: (found := death()) and found.code == "train()")


@pytest.mark.slow
def test_a_keeper_that_is_not_its_parent_says_that_it_ended(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    with SpokenKernel(short_path) as kernel, RunningRecorder(short_path):
        kernel.announce(kernel.identity)
        kernel.voice.wait_for_listener()

        kernel.die()

        eventually(lambda: read_manifest(kernel.manifest.path).death)
