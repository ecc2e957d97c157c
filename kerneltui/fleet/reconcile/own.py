"""OwnKernels: adopts kerneltui's kernels from other dashboards, and follows their changes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace

from kerneltui.errors import KernelError
from kerneltui.fleet.manifests.adoption import adopt_process, adoptable_manager, last_seen
from kerneltui.fleet.manifests.manifest import Manifest, read_manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.fleet.registry.tracker import Tracker
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.adopted import unknown
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Transport
from kerneltui.protocol.status import KernelState


class OwnKernels:
    """Keeps the kernels of ours in the registry that another process has started."""

    def __init__(
        self,
        registry: KernelRegistry,
        tracker: Tracker,
        store: ManifestStore,
        kernels: MultiKernelManager,
        transport: Transport,
        warn: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._tracker = tracker
        self._manifests = store
        self._kernels = kernels
        self._transport: Transport = transport
        self._warn = warn
        self._warned: set[ProcessIdentity] = set()

    def look(self) -> None:
        """Track a kernel for each manifest, with the process that it names."""
        manifests = self._manifests.look()
        with self._registry.batch():
            for manifest in manifests:
                if manifest.identity is not None:  # else it is about to be launched
                    self._follow(manifest, manifest.identity)
        kept = {manifest.kernel_id for manifest in manifests}
        for kernel in self._registry.all():
            is_dismissed = kernel.manifest is not None and kernel.kernel_id not in kept
            state = kernel.manager.status.state if kernel.manager is not None else None
            if is_dismissed and state is KernelState.DEAD:  # and it is not being restarted
                self._tracker.drop(kernel.kernel_id)

    def follow_servers(self) -> None:
        """Find out which process serves each of our kernels that has sent a message."""
        for kernel in self._registry.all():
            if kernel.is_ours and kernel.manager is not None and kernel.manager.status.heard:
                kernel.manager.follow_server()

    def _follow(self, manifest: Manifest, identity: ProcessIdentity) -> None:
        kernel = self._registry.get(manifest.kernel_id)
        if kernel is None:
            self._adopt(manifest, identity)
        elif kernel.identity != identity and identity.is_alive():
            self._adopt_successor(kernel, manifest, identity)
        elif kernel.manifest and _choices(kernel.manifest) != _choices(manifest):
            self._take_over_choices(kernel, kernel.manifest)
        if kernel is not None:
            self._tracker.deaths.take_over(kernel, manifest)

    def _take_over_choices(self, kernel: TrackedKernel, known: Manifest) -> None:
        """Read name and autorestart again, which the user has changed in another process."""
        with contextlib.suppress(KernelError):
            chosen = read_manifest(known.path)
            self._registry.update(kernel, lambda now: _with_choices(now, chosen))

    def _adopt(self, manifest: Manifest, identity: ProcessIdentity) -> None:
        specs = self._kernels.kernel_spec_manager
        try:
            manager = adoptable_manager(manifest, specs, self._transport)
        except KernelError as error:
            self._warn_once(manifest, identity, error)
            return
        if not manifest.path.exists():  # it was dismissed meanwhile
            return
        kernel = TrackedKernel(
            manifest.kernel_id,
            manifest.name,
            manifest.cwd,
            manager,
            manifest=manifest,
            death=manifest.death,
        )
        with manager.turn():  # a shutdown that comes now would meet a kernel without a process
            self._kernels.add_kernel(manager)
            self._tracker.admit(kernel)
            is_alive = identity.is_alive()
            if not is_alive and manifest.death is None:
                self._tracker.note(kernel.kernel_id, f"last seen alive {last_seen(manifest)}")
            is_whole = self._adopt_process(manager, manifest, identity)
        stopped_at = _stopped_at(manifest)
        now = self._registry.update(
            kernel,
            lambda now: replace(now, environment_lost=not is_whole, stopped_at=stopped_at),
        )
        if not is_alive and now is not None:
            self._tracker.note_leftovers(now)

    def _adopt_successor(
        self, kernel: TrackedKernel, manifest: Manifest, identity: ProcessIdentity
    ) -> None:
        """Follow the new process that another dashboard has started for a kernel."""
        if kernel.manager is None or not kernel.manager.status.exited:
            return  # the exit of the process before is not noticed yet
        try:
            kernel.manager.load_connection_file(manifest.connection_file)
        except KernelError as error:
            self._warn_once(manifest, identity, error)
            return
        self._registry.update(kernel, lambda now: replace(now, manifest=manifest))
        self._adopt_process(kernel.manager, manifest, identity)

    def _adopt_process(
        self, manager: KernelManager, manifest: Manifest, identity: ProcessIdentity
    ) -> bool:
        # How a process ended that is gone already is in its manifest, as far as it is known.
        ask_parent = self._tracker.keeper.client.exit_code if identity.is_alive() else unknown
        return adopt_process(manager, identity, manifest.launched, manifest.cwd, ask_parent)

    def _warn_once(self, manifest: Manifest, identity: ProcessIdentity, error: KernelError) -> None:
        """Warn of a kernel that cannot be adopted; it may still be found in another way."""
        if identity not in self._warned:
            self._warned.add(identity)
            name = f"{manifest.name} (pid {identity.pid})"
            self._warn(f"{name} cannot be adopted: {error}")


def _stopped_at(manifest: Manifest) -> float | None:
    at = manifest.stopped_at
    return None if at is None else time.monotonic() - (time.time() - at)


def _choices(manifest: Manifest) -> tuple[str, bool]:
    return manifest.name, manifest.autorestart


def _with_choices(kernel: TrackedKernel, chosen: Manifest) -> TrackedKernel:
    if kernel.manifest is None:
        return kernel
    name, autorestart = _choices(chosen)
    manifest = replace(kernel.manifest, name=name, autorestart=autorestart)
    return replace(kernel, name=name, manifest=manifest)
