"""HostUsage: the memory and the load of this host."""

from __future__ import annotations

import os

import psutil

from kerneltui.frozen import frozen

_MEMORY_STEP = 0.01  # of all memory: one percent
_LOAD_STEP, _HIGH_LOAD_STEP, _HIGH_LOAD = 0.1, 1.0, 10.0  # processes
_DIGITS = 2


@frozen
class HostUsage:
    """Memory and load, in steps so coarse that they do not change on a quiet host."""

    memory: float
    """The share of the memory that is used, from 0 to 1."""
    load: float
    """Processes that run or wait for a processor, on average over the last minute."""
    cores: int
    age: float = 0.0
    """How many seconds old the figures of kernels are at most."""


def look_at_host(before: HostUsage | None = None, age: float = 0.0) -> HostUsage:
    """Look at this host. `before`: the last look, whose figures stay while little has changed."""
    memory, load = psutil.virtual_memory(), os.getloadavg()[0]
    used = 1.0 - memory.available / memory.total
    load_step = _LOAD_STEP if load < _HIGH_LOAD else _HIGH_LOAD_STEP
    return HostUsage(
        memory=steady(used, _MEMORY_STEP, before.memory if before is not None else None),
        load=steady(load, load_step, before.load if before is not None else None),
        cores=os.cpu_count() or 1,
        age=age,
    )


def steady(value: float, step: float, before: float | None) -> float:
    """Return a figure in whole steps; `before` is kept until the figure is a step away from it."""
    if before is not None and abs(value - before) < step:
        return before
    return round(round(value / step) * step, _DIGITS)
