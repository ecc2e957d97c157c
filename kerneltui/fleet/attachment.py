"""Attachment: how a kernel that stays somebody else's comes into our hands."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kerneltui.fleet.connection_files import connection_folders
from kerneltui.fleet.discovery import Discovery
from kerneltui.fleet.found import Found, Known
from kerneltui.fleet.handles import FoundHandle, Handle, RemainsHandle, ServedHandle
from kerneltui.fleet.kind import Kind, kind_of
from kerneltui.fleet.servers import JupyterServer, find_server
from kerneltui.kernels.adopted import AdoptedProcess
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.spec import KernelSpecManager


def server_of(found: Found) -> JupyterServer:
    """Return the server that a kernel belongs to. Raises KernelError where it is gone."""
    return find_server((*connection_folders(), found.connection_file.parent), found.owner_pid)


def handle_of(
    found: Found,
    name: str,
    manager: KernelManager | None,
    specs: KernelSpecManager,
    known: Known,
) -> Handle:
    """Return what carries out verbs on a kernel that something else has started.

    `manager`: one that follows its process; a mere file has none. `known`: with what it was found.
    """
    kind = kind_of(found)
    if manager is None or kind is Kind.REMAINS:
        manager = attached_manager(found, specs)
        return RemainsHandle(manager, name, partial(_found_again, found.connection_file, known))
    if kind is Kind.SERVED:
        return ServedHandle(manager, name, partial(server_of, found))
    return FoundHandle(manager, name)


def _found_again(path: Path, known: Known) -> Found | None:
    found = Discovery().look(known)
    return next((each for each in found if each.connection_file == path), None)


def attached_manager(found: Found, specs: KernelSpecManager) -> KernelManager:
    """Return a manager for a kernel that stays somebody else's; it follows no process yet."""
    manager = KernelManager(
        kernel_name=found.info.kernel_name if found.info else "",
        kernel_id=found.kernel_id,
        kernel_spec_manager=specs,
    )
    if found.info is not None:
        manager.load_connection_info(found.info.to_dict())
    manager.connection_file = str(found.connection_file)
    return manager


def attach_process(manager: KernelManager, identity: ProcessIdentity | None) -> None:
    """Have `manager` follow the process that serves its kernel; None where it is not seen."""
    process = AdoptedProcess(identity) if identity else None
    manager.attach_kernel(process, age=identity.age() if identity else None)
