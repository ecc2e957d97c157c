"""Chooses the controller for a kernel that another program has started."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kerneltui.fleet.control.controllers import (
    ExternalController,
    KernelController,
    ServerController,
    StaleFileController,
)
from kerneltui.fleet.discovery.attach import attached_manager, server_of
from kerneltui.fleet.discovery.found import Found, Known
from kerneltui.fleet.discovery.scanner import Discovery
from kerneltui.fleet.model.classification import Kind
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.specs.spec_manager import KernelSpecManager


def controller_of(
    found: Found,
    name: str,
    manager: KernelManager | None,
    specs: KernelSpecManager,
    known: Known,
) -> KernelController:
    """Return the controller of a kernel that another program has started.

    `manager`: follows its process; None for a mere file. `known`: the input of its search.
    """
    kind = found.kind
    if manager is None or kind is Kind.STALE_FILE:
        manager = attached_manager(found, specs)
        return StaleFileController(
            manager, name, partial(_found_again, found.connection_file, known)
        )
    if kind is Kind.SERVER:
        return ServerController(manager, name, partial(server_of, found))
    return ExternalController(manager, name)


def _found_again(path: Path, known: Known) -> Found | None:
    found = Discovery().look(known)
    return next((each for each in found if each.connection_file == path), None)
