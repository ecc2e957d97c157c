"""Ledger: the manifests of this user's kernels.

Other dashboards write there as well: what they start, restart and dismiss is found here.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.manifest import (
    Manifest,
    find_manifests,
    manifest_path,
    read_manifest,
    resolved,
    write_manifest,
)
from kerneltui.kernels.identity import ProcessIdentity

SEEN_EVERY = 60.0  # seconds between two marks of when a kernel was last seen alive


class Ledger:
    """`on_found`: called by each look with the manifests that can be read."""

    def __init__(
        self,
        folder: Path,
        on_found: Callable[[tuple[Manifest, ...]], None],
        on_problem: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._on_found = on_found
        self._on_problem = on_problem
        self._known: dict[Path, tuple[tuple[int, int], Manifest | None]] = {}
        """By path: when it was written, and what it says; None where nobody can tell."""
        self._seen_at = time.monotonic()
        self._lock = threading.Lock()

    @property
    def connection_files(self) -> set[str]:
        """Return the paths of the connection files of this host's kernels of ours, all launched."""
        kept = [each for each in self._manifests if each.is_here and not each.is_unfinished]
        return {resolved(each) for each in kept}

    @property
    def elsewhere(self) -> dict[str, str]:
        """Return the connection files of other hosts' kernels of ours, and where those are."""
        return {resolved(each): each.whereabouts for each in self._manifests if not each.is_here}

    # -- what this dashboard does ----

    def claim(self, connection_file: str, kernel_id: str, found: ProcessIdentity | None) -> bool:
        """Tell whether a kernel of this host is ours by now, whatever the last look has found.

        `found`: its process for sure; noted where its launch was cut off before that.
        """
        if Path(connection_file).parent != self._folder.resolve():
            return False
        path = manifest_path(str(self._folder / Path(connection_file).name), kernel_id)
        try:
            manifest = read_manifest(path)
        except KernelError:
            return path.exists()
        if manifest.is_unfinished:
            return found is not None and self.complete(manifest, found) is not None
        return manifest.is_here

    def write(self, manifest: Manifest) -> Manifest | None:
        """Keep a manifest; return None, and say so, where that cannot be."""
        try:
            write_manifest(manifest)
        except OSError as error:
            self._on_problem(
                f"{manifest.path} cannot be written: {error.strerror}; the next dashboard "
                f"will not know {manifest.name}"
            )
            return None
        return manifest

    def complete(
        self,
        manifest: Manifest,
        identity: ProcessIdentity,
        argv: Iterable[str] = (),
        interrupt_mode: str = "",
    ) -> Manifest | None:
        """Note which process serves the kernel from now on; return what is kept.

        `argv`, `interrupt_mode`: what it was launched by, where that is known.
        """
        return self.write(
            replace(
                manifest,
                identity=identity,
                started_at=time.time(),
                order="",
                argv=tuple(argv),
                interrupt_mode=interrupt_mode,
            )
        )

    def amend(self, manifest: Manifest, **changes: Any) -> Manifest | None:
        """Change what is kept, whoever has written it last; None where it has been dismissed.

        Raises ActionRefused where it is of another process by now: another dashboard has
        restarted the kernel.
        """
        try:
            current = read_manifest(manifest.path)
        except KernelError:
            return None
        is_another = current.identity not in (None, manifest.identity)
        if is_another and current.identity is not None and current.identity.is_alive():
            raise ActionRefused(f"{manifest.name} has another process by now; nothing was done")
        changed = replace(current, **changes)
        return current if changed == current else self.write(changed)

    def is_ordered(self, manifest: Manifest, ended: ProcessIdentity | None) -> bool:
        """Tell whether some dashboard had the process `ended` end, or has dismissed its kernel."""
        try:
            current = read_manifest(manifest.path)
        except KernelError:
            return True
        return bool(current.order) or current.identity != ended

    def remove(self, manifest: Manifest) -> None:
        manifest.path.unlink(missing_ok=True)

    # -- what others do ----

    def look(self) -> None:
        """Read what has changed since the last look, and tell what there is."""
        with self._lock:
            before, self._known = self._known, {}
            for path in find_manifests(self._folder):
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    written = (status.st_ino, status.st_ctime_ns)  # numbers of files come again
                    known = before.get(path)
                    is_known = known is not None and known[0] == written
                    self._known[path] = known if is_known and known else (written, self._load(path))
        self._on_found(tuple(each for each in self._manifests if each.is_here))
        if time.monotonic() - self._seen_at >= SEEN_EVERY:
            self.mark_seen()

    def _load(self, path: Path) -> Manifest | None:
        try:
            return read_manifest(path)
        except KernelError as error:
            self._on_problem(str(error))
            return None

    def mark_seen(self) -> None:
        """Leave on each living kernel's manifest, as its time, when it was seen."""
        self._seen_at = time.monotonic()
        for manifest in self._living():
            with contextlib.suppress(OSError):
                os.utime(manifest.path)

    def _living(self) -> Iterable[Manifest]:
        return [each for each in self._manifests if each.identity and each.identity.is_alive()]

    @property
    def _manifests(self) -> list[Manifest]:
        with self._lock:
            known = [each for _, each in self._known.values() if each is not None]
        return sorted(known, key=lambda manifest: manifest.started_at)
