"""Writes manifests as an earlier dashboard has left them."""

from __future__ import annotations

from kerneltui.fleet.manifests.lock import ManifestLock
from kerneltui.fleet.manifests.manifest import Manifest, format_manifest


def write_manifest(manifest: Manifest) -> None:
    """Write a manifest without a lock on it."""
    ManifestLock.create(manifest.path, format_manifest(manifest)).release()
