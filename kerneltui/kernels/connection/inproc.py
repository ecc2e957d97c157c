"""Names under which this process offers kernels over inproc: sockets without a process behind."""

from __future__ import annotations

from kerneltui.bounded import Bounded

REASONS_LIMIT = 1_000  # names whose ends are remembered; clients of older ones are long gone

# libzmq knows which names are bound, but cannot be asked.
_offered: set[str] = set()
_withdrawn: Bounded[str, str] = Bounded(REASONS_LIMIT)


def offer(ip: str) -> None:
    """Say that the sockets whose names begin with `ip` speak for a kernel."""
    _offered.add(ip)


def withdraw(ip: str, reason: str) -> None:
    """Say why they do no longer: the kernel is gone, as far as this process can know."""
    _offered.discard(ip)
    _withdrawn[ip] = reason


def is_offered(ip: str) -> bool:
    return ip in _offered


def why_withdrawn(ip: str) -> str:
    """Return the reason; "" if it was not withdrawn, or long ago."""
    return _withdrawn.get(ip, "")
