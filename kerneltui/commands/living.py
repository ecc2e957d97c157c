"""A kernel of the list that lives, in the hands of a client that knows when it ends."""

from __future__ import annotations

from kerneltui.commands.listing import Listed, find, list_all
from kerneltui.errors import KernelError
from kerneltui.fleet.discovery.attach import attach_process
from kerneltui.fleet.registry.kernel_facts import LEFT_WORDS
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import KernelState


def find_living(word: str) -> Listed:
    """Return the kernel that `word` means. Raises NoSuchKernel, KernelError where it is gone."""
    kernel = find(list_all(), word)
    if kernel.state in LEFT_WORDS.values():
        raise KernelError(f"{kernel.name} is no kernel but a file: {kernel.why}")
    if kernel.state == KernelState.DEAD:
        what = kernel.why or f"kerneltui restart {kernel.name}"
        raise KernelError(f"{kernel.name} is dead; {what}")
    return kernel


def attached(kernel: Listed) -> KernelManager:
    """Return a manager that knows when the kernel ends. Raises KernelError."""
    manager = KernelManager(kernel_name=kernel.kernelspec, kernel_id=kernel.id)
    manager.load_connection_file(kernel.connection_file)
    if not all(manager.ports):
        raise KernelError(
            f"{kernel.name} has told its ports only to the program that started it"
            f" (a registration file, {kernel.connection_file}); run code there"
        )
    attach_process(manager, kernel.identity)
    return manager
