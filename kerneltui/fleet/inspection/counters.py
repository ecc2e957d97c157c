"""Counters: what a process has used since its start, and the rates between two looks at it."""

from __future__ import annotations

from typing import NamedTuple

import psutil

_CPU_DIGITS = 2


class Counters(NamedTuple):
    """What a process has used; disk figures are None if the OS does not count or show them."""

    cpu: float
    """Seconds."""
    read: int | None = None
    """Bytes that were read from disks."""
    written: int | None = None
    """Bytes that were written to disks."""


class Rates(NamedTuple):
    """Use per second; None if unknown, as at the first look."""

    cpu: float | None = None
    read: float | None = None
    written: float | None = None


def counters_of(process: psutil.Process) -> Counters:
    """Look at a process. Raises psutil.Error."""
    times = process.cpu_times()
    cpu = times.user + times.system
    try:
        disk = process.io_counters()
    except (psutil.AccessDenied, AttributeError, NotImplementedError):  # macOS has none
        return Counters(cpu)
    return Counters(cpu, disk.read_bytes, disk.write_bytes)


def rates(before: Counters | None, now: Counters, elapsed: float) -> Rates:
    """Return what was used per second in `elapsed` seconds."""
    if before is None or elapsed <= 0:
        return Rates()
    cpu = _rate(before.cpu, now.cpu, elapsed)
    return Rates(
        None if cpu is None else round(cpu, _CPU_DIGITS),
        _rate(before.read, now.read, elapsed),
        _rate(before.written, now.written, elapsed),
    )


def _rate(before: float | None, now: float | None, elapsed: float) -> float | None:
    if before is None or now is None:
        return None
    return max(0.0, (now - before) / elapsed)
