"""What a Jupyter server tells of a kernel, as far as it is true of the process it has now.

A server keeps the last state that it heard. One that has restarted a kernel by itself, or that
nobody has opened a kernel of yet, hears nothing before code runs there.
"""

from __future__ import annotations

from dataclasses import replace

from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.protocol.status import KernelState


def true_of_now(told: ServedKernel, found: Found, now: float) -> ServedKernel:
    """Return what a server tells, without what it says of an earlier process.

    A process that listens, and of which nothing was told since it began, is idle and has never
    run anything. `now`: seconds since the epoch.
    """
    age = found.identity.age() if found.identity is not None else None
    is_of_another = age is not None and (told.last_activity or now) < now - age
    if told.state != KernelState.STARTING and not is_of_another:
        return told
    listens = found.liveness is Liveness.VERIFIED
    state = KernelState.IDLE if listens else KernelState.STARTING
    return replace(told, state=str(state), last_activity=None)
