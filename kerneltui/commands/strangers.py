"""Kernels that something else has started, in the hands of the command line."""

from __future__ import annotations

from functools import partial

from kerneltui.commands.listing import Listed, find_strangers, manifests
from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.handles import FoundHandle, Handle, ServedHandle
from kerneltui.fleet.powers import Kind, refuse_impossible
from kerneltui.fleet.row import Row
from kerneltui.fleet.strangers import attach_process, attached_manager, server_of
from kerneltui.kernels.spec import KernelSpecManager
from kerneltui.protocol.status import Verb


def handle(kernel: Listed, verb: Verb) -> Handle:
    """Return what carries out `verb`; look the kernel up again, as it may have changed since.

    Raises ActionRefused where the verb can never be had of it.
    """
    by_file = {str(each.connection_file): each for each in find_strangers(manifests())[0]}
    known = by_file.get(kernel.connection_file)
    if known is None:
        raise KernelError(f"{kernel.name} is gone")
    if (known.identity.pid if known.identity else None) != kernel.pid:
        raise ActionRefused(f"{kernel.name} has another process by now; nothing was done")
    kind = Row(kernel.name, known.cwd, found=known).kind
    refuse_impossible(kind, verb, kernel.name)
    manager = attached_manager(known, KernelSpecManager())
    attach_process(manager, known.identity)
    if kind is Kind.SERVED:
        return ServedHandle(manager, kernel.name, partial(server_of, known))
    return FoundHandle(manager, kernel.name)
