"""Makes managers for kernels that another program has started and still owns."""

from __future__ import annotations

from kerneltui.errors import KernelError
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.servers.jupyter_server import JupyterServer, find_server
from kerneltui.kernels.connection.folders import connection_folders
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.specs.spec_manager import KernelSpecManager


def server_of(found: Found) -> JupyterServer:
    """Return the server that a kernel belongs to. Raises KernelError if it is gone."""
    return find_server((*connection_folders(), found.connection_file.parent), found.owner_pid)


def attached_manager(found: Found, specs: KernelSpecManager) -> KernelManager:
    """Return a manager for a kernel that is not ours; it does not follow a process yet."""
    manager = KernelManager(
        kernel_name=found.info.kernel_name if found.info else "",
        kernel_id=found.kernel_id,
        kernel_spec_manager=specs,
    )
    if found.info is not None:
        manager.load_connection_info(found.info.to_dict())
    manager.connection_file = str(found.connection_file)
    return manager


def following_manager(
    connection_file: str, kernel_id: str, kernel_name: str, identity: ProcessIdentity | None
) -> KernelManager:
    """Return a manager for a client of any kernel; it notices when the kernel ends.

    Raises KernelError if the file cannot be read, or names no ports.
    """
    manager = KernelManager(kernel_name=kernel_name, kernel_id=kernel_id)
    manager.load_connection_file(connection_file)
    if not all(manager.ports):
        raise KernelError(
            f"kernel {kernel_id[:8]} has told its ports only to the program that started it"
            f" (a registration file, {connection_file}); run code there"
        )
    attach_process(manager, identity)
    return manager


def attach_process(manager: KernelManager, identity: ProcessIdentity | None) -> None:
    """Have `manager` follow the process that serves its kernel; None if that is not visible."""
    process = AdoptedProcess(identity) if identity else None
    manager.attach_kernel(process, age=identity.age() if identity else None)
