"""Manifests as an earlier dashboard has left them."""

from __future__ import annotations

from kerneltui.fleet.manifest import Manifest, format_manifest
from kerneltui.fleet.manifest_lock import ManifestLock


def write_manifest(manifest: Manifest) -> None:
    """Write one that nobody holds."""
    ManifestLock.create(manifest.path, format_manifest(manifest)).release()
