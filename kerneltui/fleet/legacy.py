"""Legacy: what outlived the dashboard that started it, and what other dashboards do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.fleet.adoption import adopt_process, adoptable_manager, last_seen
from kerneltui.fleet.manifest import Manifest
from kerneltui.fleet.row import Row
from kerneltui.fleet.transport import Transport
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.multi import MultiKernelManager

if TYPE_CHECKING:
    from kerneltui.fleet.roster import Roster


class Legacy:
    """Has a row in the roster for each kernel of ours that somebody else has started."""

    def __init__(self, roster: Roster, kernels: MultiKernelManager, transport: Transport) -> None:
        self._roster = roster
        self._kernels = kernels
        self._transport: Transport = transport
        self._warned: set[ProcessIdentity] = set()

    def follow(self, manifests: tuple[Manifest, ...]) -> None:
        """Have a row for each manifest, with the process that it names."""
        for manifest in manifests:
            row = self._roster.rows.get(manifest.kernel_id)
            if manifest.identity is None:
                continue  # somebody is about to launch it
            if row is None:
                self._adopt(manifest, manifest.identity)
            elif row.identity != manifest.identity and manifest.identity.is_alive():
                self._adopt_successor(row, manifest, manifest.identity)
            elif row.manifest and row.manifest.autorestart != manifest.autorestart:
                self._roster.take_over_policy(row)
        kept = {manifest.kernel_id for manifest in manifests}
        for kernel_id, row in tuple(self._roster.rows.items()):
            is_dismissed = row.manifest is not None and kernel_id not in kept
            if is_dismissed and row.manager is not None and row.manager.status.exited:
                self._roster.drop(kernel_id)

    def _adopt(self, manifest: Manifest, identity: ProcessIdentity) -> None:
        specs = self._kernels.kernel_spec_manager
        try:
            manager = adoptable_manager(manifest, specs, self._transport)
        except KernelError as error:
            self._warn_once(manifest, identity, error)
            return
        if not manifest.path.exists():  # it was dismissed meanwhile
            return
        row = Row(manifest.name, manifest.cwd, manifest=manifest)
        self._kernels.add_kernel(manager)
        self._roster.admit(manifest.kernel_id, row, manager)
        if not identity.is_alive():
            self._roster.note(manifest.kernel_id, f"last seen alive {last_seen(manifest)}")
        row.environment_lost = not adopt_process(manager, identity, manifest.launched, manifest.cwd)
        if not identity.is_alive():
            self._roster.note_leftovers(row)

    def _adopt_successor(self, row: Row, manifest: Manifest, identity: ProcessIdentity) -> None:
        """Go on with the process that another dashboard has started in a kernel's place."""
        if row.manager is None or not row.manager.status.exited:
            return  # the exit of the one before is still to be noticed
        try:
            row.manager.load_connection_file(manifest.connection_file)
        except KernelError as error:
            self._warn_once(manifest, identity, error)
            return
        row.manifest = manifest
        adopt_process(row.manager, identity, manifest.launched, manifest.cwd)

    def _warn_once(self, manifest: Manifest, identity: ProcessIdentity, error: KernelError) -> None:
        """Tell of a kernel that cannot be had; it may yet be found otherwise."""
        if identity not in self._warned:
            self._warned.add(identity)
            name = f"{manifest.name} (pid {identity.pid})"
            self._roster.warn(f"{name} cannot be adopted: {error}")
