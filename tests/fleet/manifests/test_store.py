"""Whether a kernel was ordered to end is told by its manifest, and by whoever has it locked."""

from __future__ import annotations

import errno
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.errors import ActionRefused
from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.manifests import lock as manifest_lock
from kerneltui.fleet.manifests import manifest as manifest_module
from kerneltui.fleet.manifests import store as manifest_store
from kerneltui.fleet.manifests.lock import ManifestLock
from kerneltui.fleet.manifests.manifest import RESTARTING, Manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.private_file import read_private
from tests.fleet.written_manifests import write_manifest
from tests.support import PATIENCE, Background

ENDED = ProcessIdentity(7, 1, "boot")


@pytest.fixture
def store(tmp_path: Path) -> ManifestStore:
    return ManifestStore(tmp_path, lambda _problem: None)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    manifest = Manifest(
        kernel_id="0a9b",
        name="train",
        kernel_name="python3",
        connection_file=str(tmp_path / "kernel-0a9b.json"),
        cwd="/",
        environment=(),
        started_at=time.time(),
        identity=ENDED,
    )
    write_manifest(manifest)
    return manifest


def test_an_end_that_nobody_has_ordered_is_none(store: ManifestStore, manifest: Manifest) -> None:
    assert not store.is_ordered(manifest, ENDED)


class Shortage:
    """There are no descriptors left, as long as it is on."""

    def __init__(self) -> None:
        self.is_on = False

    def read(self, path: Path, max_size: int) -> bytes:
        if self.is_on:
            raise OSError(errno.EMFILE, "Too many open files")
        return read_private(path, max_size)


@pytest.fixture
def shortage(monkeypatch: pytest.MonkeyPatch) -> Shortage:
    shortage = Shortage()
    monkeypatch.setattr(manifest_module, "read_private", shortage.read)
    return shortage


def test_a_manifest_that_cannot_be_read_for_a_moment_stays_known(
    tmp_path: Path, manifest: Manifest, shortage: Shortage
) -> None:
    problems: list[str] = []
    store = ManifestStore(tmp_path, problems.append)
    assert store.look() == (manifest,)
    shortage.is_on = True
    os.utime(manifest.path)

    assert [store.look(), store.look()] == [(manifest,)] * 2
    assert problems == [f"cannot read {manifest.path}: Too many open files"]
    assert not store.is_whole


def test_a_manifest_that_could_not_be_read_is_read_at_the_next_look(
    store: ManifestStore, manifest: Manifest, shortage: Shortage
) -> None:
    shortage.is_on = True
    assert store.look() == ()
    shortage.is_on = False

    assert store.look() == (manifest,)
    assert store.is_whole


def test_the_word_of_an_order_tells_of_it(store: ManifestStore, manifest: Manifest) -> None:
    write_manifest(replace(manifest, order="killing"))

    assert store.is_ordered(manifest, ENDED)


def test_whoever_only_notes_something_has_ordered_nothing(
    store: ManifestStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_store, "PATIENCE", PATIENCE)
    with store.hold(manifest):
        asking = Background(lambda: store.is_ordered(manifest, ENDED))

    assert asking.result() is False


def test_whoever_keeps_a_manifest_locked_gives_an_order(
    store: ManifestStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_store, "NOTE_TIME", 0.0)

    with store.hold(manifest):
        assert store.is_ordered(manifest, ENDED)


class Refusals:
    """Has a manifest's lock be refused at once, and tells that it was."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.is_one = threading.Event()
        self._take = ManifestLock.take
        patch.setattr(manifest_lock, "PATIENCE", 0.0)
        patch.setattr(ManifestLock, "take", self._watched)

    def _watched(self, path: Path) -> ManifestLock:
        try:
            return self._take(path)
        except BlockingIOError:
            self.is_one.set()
            raise


def test_an_order_waits_for_whoever_only_notes_something(
    store: ManifestStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_store, "NOTE_TIME", PATIENCE)
    noting = ManifestLock.take(manifest.path)
    refusals = Refusals(monkeypatch)

    ordering = Background(lambda: store.amend(manifest, order=RESTARTING))
    assert refusals.is_one.wait(PATIENCE)
    noting.release()

    assert ordering.result() == replace(manifest, order=RESTARTING)


def test_an_order_does_not_wait_for_another_one(
    store: ManifestStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_store, "NOTE_TIME", float("inf"))
    write_manifest(replace(manifest, order=RESTARTING))
    ordered = ManifestLock.take(manifest.path)

    with pytest.raises(ActionRefused, match="another kerneltui is restarting train"):
        store.amend(manifest, name="other")
    ordered.release()


def test_an_order_does_not_wait_for_ever_for_one_that_could_not_be_noted(
    store: ManifestStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_store, "NOTE_TIME", 0.0)
    ordered = ManifestLock.take(manifest.path)

    with pytest.raises(ActionRefused, match="another kerneltui has locked train"):
        store.amend(manifest, name="other")
    ordered.release()


def test_a_kernel_that_was_dismissed_was_meant_to_end(
    store: ManifestStore, manifest: Manifest
) -> None:
    store.remove(manifest)

    assert store.is_ordered(manifest, ENDED)


def test_what_is_noted_meanwhile_does_not_bring_back_a_dismissed_kernel(
    store: ManifestStore, manifest: Manifest
) -> None:
    with store.hold(manifest), store._held[manifest.path].turn:
        dismissing = Background(lambda: store.remove(manifest))
        store.note_death(manifest, ENDED, Death(at=1.0))

    dismissing.result()

    assert not manifest.path.exists()


def test_nothing_is_noted_of_a_kernel_whose_manifest_was_removed_by_hand(
    store: ManifestStore, manifest: Manifest
) -> None:
    with store.hold(manifest):
        manifest.path.unlink()

        with pytest.raises(ActionRefused):
            store.note_death(manifest, ENDED, Death(at=1.0))
        store.complete(manifest, ENDED)

    assert not manifest.path.exists()
