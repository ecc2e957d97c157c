"""`kerneltui interrupt`: refused where it would end the kernel, and told where it has no effect."""

from __future__ import annotations

from collections.abc import Callable

from kerneltui.commands.listing import Listed
from kerneltui.commands.probe import Askable, Probe
from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.control.interrupts import (
    SEEN_WITHIN,
    Reaction,
    read_reaction,
    warning,
    without_effect,
)
from kerneltui.fleet.model.origin import Origin
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.status import KernelState


def interrupt(kernel: Listed, order: Callable[[], str]) -> str:
    """Have `order` interrupt a kernel, and return what is to be said of it."""
    try:
        info = read_connection_file(kernel.connection_file)
    except KernelError:  # the order says so
        return order()
    reaction = read_reaction(kernel.pid, by_message=_is_by_message(kernel, info))
    if reaction.is_fatal:
        raise ActionRefused(
            f"{warning(kernel.name, reaction)}; nothing was sent (kerneltui signal INT sends it)"
        )
    return order() or _effect(kernel, info, reaction)


def _is_by_message(kernel: Listed, info: ConnectionInfo) -> bool:
    if kernel.origin not in (Origin.KERNELTUI, Origin.SERVER):
        return bool(info.ports[Channel.SHELL])
    try:
        return KernelSpecManager().get_kernel_spec(kernel.kernelspec).interrupt_mode == "message"
    except KernelError:
        return False


def _effect(kernel: Listed, info: ConnectionInfo, reaction: Reaction) -> str:
    """Ask the kernel whether it is free again; a server's is not asked: it would keep count."""
    if reaction.is_stopped:
        return without_effect(kernel.name, reaction)
    if kernel.origin == Origin.SERVER or not info.ports[Channel.SHELL]:
        return ""
    with Probe() as probe:
        probe.ask({kernel.id: Askable(info, kernel.identity)})
        state = probe.hear(SEEN_WITHIN).get(kernel.id)
    if state is KernelState.IDLE:
        return ""
    if kernel.identity is not None and not kernel.identity.is_alive():
        return f"{kernel.name} has ended after the interrupt"
    return without_effect(kernel.name, reaction)
