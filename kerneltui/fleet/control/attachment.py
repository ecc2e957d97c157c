"""Attachment: what carries out verbs on a kernel that something else has started."""

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
    """Return what carries out verbs on a kernel that something else has started.

    `manager`: one that follows its process; a mere file has none. `known`: with what it was found.
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
