"""HostUsage: the memory and the load of this host, as its kernels meet them."""

from __future__ import annotations

import os

import psutil

from kerneltui.frozen import frozen

_MEMORY_STEP = 0.01  # of all memory: what a percentage shows
_LOAD_DIGITS = 1


@frozen
class HostUsage:
    """In steps that a quiet host does not take."""

    memory: float
    """The share of the memory that is used, from 0 to 1."""
    load: float
    """Processes that want a processor, on average over the last minute."""
    cores: int
    age: float = 0.0
    """Seconds that the figures of kernels are old at most."""


def look_at_host(age: float = 0.0) -> HostUsage:
    memory = psutil.virtual_memory()
    share = 1.0 - memory.available / memory.total
    return HostUsage(
        memory=round(share / _MEMORY_STEP) * _MEMORY_STEP,
        load=round(os.getloadavg()[0], _LOAD_DIGITS),
        cores=os.cpu_count() or 1,
        age=age,
    )
