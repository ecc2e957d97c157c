"""Names under which this process offers kernels over inproc: sockets without a process behind."""

from __future__ import annotations

# libzmq knows which names are bound, but cannot be asked.
_offered: set[str] = set()


def offer(ip: str) -> None:
    """Say that the sockets whose names begin with `ip` speak for a kernel."""
    _offered.add(ip)


def withdraw(ip: str) -> None:
    """Say that they do no longer: the kernel is gone, as far as this process can know."""
    _offered.discard(ip)


def is_offered(ip: str) -> bool:
    return ip in _offered
