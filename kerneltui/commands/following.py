"""Tells a command that follows a kernel whether the kernel goes on, also after a restart."""

from __future__ import annotations

import time
from collections.abc import Callable

from kerneltui.commands.listing import Listed
from kerneltui.errors import KernelError
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.manifest import Manifest, manifest_path, read_manifest
from kerneltui.fleet.reconcile.lease import is_leased
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import RestartPolicy

POLL = 0.5  # seconds between two looks
RESTART_TIME = RestartPolicy().longest_delay + 2.0
"""Seconds after a death in which a dashboard begins to restart the kernel, if it does."""


class Followed:
    """A kernel of ours that a command follows."""

    def __init__(self, kernel: Listed, clock: Callable[[], float] = time.monotonic) -> None:
        """`kernel`: as it was when it was listed."""
        self._manifest = manifest_path(kernel.connection_file, kernel.id)
        self._clock = clock
        self._process = kernel.identity
        self._alive_at = clock()
        """When it was last alive, or else was first seen dead."""

    def goes_on(self) -> bool:
        """Tell whether it has a living process, or will soon have a new one."""
        # The lock is looked at first: the manifest tells the outcome of an order only after it.
        if self._is_alive() or is_locked(self._manifest):
            self._alive_at = self._clock()
            return True
        try:
            now = read_manifest(self._manifest)
        except KernelError:  # it was dismissed
            return False
        if now.identity != self._process:
            self._process, self._alive_at = now.identity, self._clock()
        return self._is_alive() or self._may_come_back(now)

    def _is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def _may_come_back(self, manifest: Manifest) -> bool:
        """Tell whether a dashboard may be about to restart it, as it died by itself."""
        is_wanted = manifest.autorestart and not manifest.order
        is_in_time = self._clock() - self._alive_at <= RESTART_TIME
        return is_wanted and is_in_time and is_leased(runtime_folder())
