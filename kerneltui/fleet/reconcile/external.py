"""ExternalKernels: tracks this user's kernels that other programs have started."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import zmq

from kerneltui.errors import KernelError
from kerneltui.fleet.control.attachment import controller_of
from kerneltui.fleet.control.controllers import KernelController
from kerneltui.fleet.discovery.attach import attach_process, attached_manager
from kerneltui.fleet.discovery.found import Found, server_folders
from kerneltui.fleet.discovery.naming import PATH_WIDTH, name_of
from kerneltui.fleet.discovery.server_word import true_of_now
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.model.classification import LEFT
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.reconcile.host_scan import SERVER_TIME, HostScan
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.fleet.registry.tracker import Tracker
from kerneltui.fleet.servers.poller import Listing, ServerWatch
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from kerneltui.path_checks import is_gone
from kerneltui.protocol.status import Exited, ServerReported
from kerneltui.protocol.text import clean_line


class ExternalKernels:
    """Used by the discovery thread."""

    def __init__(
        self,
        registry: KernelRegistry,
        tracker: Tracker,
        store: ManifestStore,
        specs: KernelSpecManager,
        warn: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._tracker = tracker
        self._warn = warn
        self._manifests = store
        self._specs = specs
        self._scan = HostScan()
        self._found: tuple[Found, ...] = ()
        self._failed: set[Path] = set()
        """The files whose kernels could not be followed at the last look."""

    def controller(self, kernel: TrackedKernel, found: Found) -> KernelController:
        """Return the controller of a kernel. In any thread."""
        return controller_of(found, kernel.name, kernel.manager, self._specs, self._scan.known)

    def look(self, servers: ServerWatch) -> None:
        """Look at this host, and take over what is found and what servers tell."""
        listing = servers.listing
        self._scan.look(self._manifests.manifests, servers.servers, listing, self._heard())
        found = self._scan.ask_where(self._manager_of)
        self._take_over_all(found, listing)
        servers.folders = server_folders(found)
        servers.miss(
            frozenset(each.kernel_id for each in found if each.origin is Origin.SERVER)
            - listing.kernels.keys()
        )

    def look_once(self) -> None:
        """Look as `look` does, and ask the servers as well: a command has no thread for that."""
        self._scan.look_and_ask_servers(self._manifests.manifests, SERVER_TIME)
        found = self._scan.ask_where(self._manager_to_ask)
        self._take_over_all(found, self._scan.listing)

    def close(self) -> None:
        self._scan.close()

    def _heard(self) -> list[Path]:
        """Return the files whose kernels have proven to have the key, by any message."""
        return [
            each.found.connection_file
            for each in self._registry.all()
            if each.found and each.found.is_unproven and each.manager and each.manager.status.heard
        ]

    def _manager_of(self, found: Found) -> KernelManager | None:
        """Return the manager of a found kernel, if the same one is tracked and may be asked."""
        if self._tracker.console.locked:
            return None
        kernel = self._registry.get(found.kernel_id)
        is_same = (
            kernel is not None and kernel.found is not None and kernel.found.info == found.info
        )
        return kernel.manager if kernel is not None and is_same else None

    def _manager_to_ask(self, found: Found) -> KernelManager | None:
        if self._tracker.console.locked:
            return None
        return self._manager_of(found) or attached_manager(found, self._specs)

    def _take_over_all(self, found: tuple[Found, ...], listing: Listing) -> None:
        with self._registry.batch():
            if found is not self._found and self._follow(found):
                self._found = found  # else the failed ones are tried again
        with self._registry.batch():
            for kernel in self._registry.all():
                if kernel.found is None:
                    continue
                self._take_over(kernel, kernel.found, listing.of(kernel.kernel_id))

    def _follow(self, found: tuple[Found, ...]) -> bool:
        """Track each found kernel; tell whether all succeeded."""
        there = {each.kernel_id for each in found}
        for kernel in self._registry.all():
            if kernel.found is not None and kernel.kernel_id not in there:
                self._tracker.drop(kernel.kernel_id)
        failed = set()
        for each in found:
            try:
                self._take_in(each)
            except (OSError, zmq.ZMQError, KernelError) as error:
                self._tracker.drop(each.kernel_id)
                failed.add(each.connection_file)
                if each.connection_file not in self._failed:
                    file = clean_line(str(each.connection_file), PATH_WIDTH)
                    self._warn(f"cannot follow the kernel of {file}: {error}")
        self._failed = failed
        return not failed

    def _take_in(self, found: Found) -> None:
        known = self._registry.get(found.kernel_id)
        if known is None:
            self._admit(found)
        elif known.found is not None:
            self._update(known, known.found, found)

    def _is_ours(self, found: Found) -> bool:
        return self._manifests.is_kept(found.connection_file, found.kernel_id)

    def _admit(self, found: Found) -> None:
        # It was found when the look began: since then it may have been dismissed, or noted as ours.
        if (found.is_file_gone or not is_gone(found.connection_file)) and not self._is_ours(found):
            self._track(found, instead_of=None)

    def _track(self, found: Found, instead_of: TrackedKernel | None) -> None:
        manager = attached_manager(found, self._specs) if found.liveness not in LEFT else None
        kernel = TrackedKernel(
            found.kernel_id,
            name_of(found, None),
            found.cwd,
            manager,
            identity=found.identity,
            found=found,
        )
        if self._tracker.admit(kernel, instead_of) and manager is not None:
            attach_process(manager, found.identity)

    def _update(self, kernel: TrackedKernel, before: Found, found: Found) -> None:
        if found.liveness in LEFT and found.origin is Origin.UNKNOWN:
            found = replace(found, origin=before.origin)  # the process that told its origin is gone
        if found == before:
            return
        if self._is_ours(found):
            self._tracker.drop(found.kernel_id)
        elif found.liveness in LEFT:
            manager = kernel.manager
            self._registry.update(kernel, partial(replace, found=found))
            if manager is not None and not manager.status.exited and not found.identity:
                manager.life.advance(Exited(None))
        elif kernel.manager is None or found.info != before.info:  # it is a different kernel
            self._track(found, instead_of=kernel)
        else:
            self._follow_process(kernel, kernel.manager, before, found)

    def _follow_process(
        self, kernel: TrackedKernel, manager: KernelManager, before: Found, found: Found
    ) -> None:
        is_another = kernel.identity != found.identity or before.liveness in LEFT
        cwd = found.cwd if is_another else kernel.cwd
        self._registry.update(kernel, partial(replace, found=found, cwd=cwd))
        if is_another:
            attach_process(manager, found.identity)
        elif found.may_be_asked and not before.may_be_asked:  # not a server's after all
            self._tracker.probe_ready(found.kernel_id)

    def _take_over(self, kernel: TrackedKernel, found: Found, served: ServedKernel | None) -> None:
        """Take over what a server tells about a kernel that has told nothing itself."""
        if served is not None:
            served = true_of_now(served, found, time.time())
        name, active_at = kernel.name, kernel.served_active_at
        if served is not None and served != kernel.served:
            active_at = served.last_activity
            active_at = active_at and time.monotonic() - (time.time() - active_at)
        if found.identity is not None or served is not None:  # else it keeps its name
            name = name_of(found, served)
        if (served, name, active_at) != (kernel.served, kernel.name, kernel.served_active_at):
            self._registry.update(
                kernel, partial(replace, served=served, name=name, served_active_at=active_at)
            )
        is_busy = served.is_busy if served else None
        if kernel.manager is not None and is_busy is not None:
            kernel.manager.life.advance(ServerReported(busy=is_busy), kernel.manager.spawns)
