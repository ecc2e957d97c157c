"""Drops what a Jupyter server tells about an earlier process of a kernel.

A server keeps the last state that it heard. After it has restarted a kernel by itself, or before
a client has connected to the kernel, it hears nothing until code runs there.
"""

from __future__ import annotations

from dataclasses import replace

from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.protocol.status import KernelState


def true_of_now(told: ServedKernel, found: Found, now: float) -> ServedKernel:
    """Return what a server tells, without what it says about an earlier process.

    If it has told nothing since the present process started, and that process listens, then the
    kernel is idle and has never run anything. `now`: seconds since the epoch.
    """
    age = found.identity.age() if found.identity is not None else None
    is_of_another = age is not None and (told.last_activity or now) < now - age
    if told.state != KernelState.STARTING and not is_of_another:
        return told
    listens = found.liveness is Liveness.VERIFIED
    state = KernelState.IDLE if listens else KernelState.STARTING
    return replace(told, state=str(state), last_activity=None)
