"""Threads of one process share the lock of a manifest; the last one unlocks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.fleet.manifests.held import HeldManifests
from kerneltui.fleet.manifests.lock import ManifestLock, is_locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "manifest.json"


def test_a_manifest_is_locked_until_the_last_has_let_go(path: Path) -> None:
    manifests = HeldManifests()
    held = manifests.keep(path, ManifestLock.create(path, "{}"))

    assert manifests.share(path) is held
    manifests.let_go(path, held)
    assert is_locked(path)

    manifests.let_go(path, held)
    assert not is_locked(path)


def test_what_is_not_locked_here_cannot_be_shared(path: Path) -> None:
    assert HeldManifests().share(path) is None


def test_who_waits_is_told_whether_something_is_held(path: Path) -> None:
    manifests = HeldManifests()
    held = manifests.keep(path, ManifestLock.create(path, "{}"))

    assert not manifests.wait_for_none(0.0)

    manifests.let_go(path, held)
    assert manifests.wait_for_none(0.0)
