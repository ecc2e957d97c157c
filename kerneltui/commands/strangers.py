"""Kernels that something else has started, in the hands of the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from kerneltui.commands.listing import SERVER_TIME, Listed
from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.control.attachment import controller_of
from kerneltui.fleet.control.controllers import KernelController
from kerneltui.fleet.discovery.attach import attach_process, attached_manager
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.model.capabilities import refuse_impossible
from kerneltui.fleet.model.classification import LEFT
from kerneltui.fleet.reconcile.host_scan import HostScan, asking_manager, read_manifests
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import Verb


def controller(kernel: Listed, verb: Verb) -> KernelController:
    """Return what carries out `verb`; look the kernel up again, as it may have changed since.

    Raises ActionRefused where the verb can never be had of it.
    """
    scan, specs = HostScan(), KernelSpecManager()
    found = _found_again(
        kernel, scan.look_and_ask_servers(read_manifests(runtime_folder()), SERVER_TIME)
    )
    if found.identity != kernel.identity and found.liveness not in LEFT:
        raise ActionRefused(f"{kernel.name} was restarted meanwhile; nothing was done")
    # Which may show that this process only listens for the kernel.
    with contextlib.closing(scan):
        found = _found_again(kernel, scan.ask_where(asking_manager))
    refuse_impossible(found.kind, verb, kernel.name)
    manager = None
    if found.liveness not in LEFT:
        manager = attached_manager(found, specs)
        attach_process(manager, found.identity)
    return controller_of(found, kernel.name, manager, specs, scan.known)


def _found_again(kernel: Listed, there: Iterable[Found]) -> Found:
    for found in there:
        if str(found.connection_file) == kernel.connection_file:
            return found
    raise KernelError(f"{kernel.name} is gone")
