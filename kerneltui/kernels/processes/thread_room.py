"""Start threads, and check that this process may start as many as it is going to need.

This must be known in advance: libzmq aborts the whole process if one of its threads cannot
start.
"""

from __future__ import annotations

import threading
from typing import Protocol

from kerneltui.errors import KernelError
from kerneltui.kernels.processes.nofile import describe_shortage


class Startable(Protocol):
    def start(self) -> None: ...


def start_thread(thread: Startable) -> None:
    """Start a thread. Raises KernelError if this process may have no more of them."""
    try:
        thread.start()
    except RuntimeError as error:
        raise KernelError(f"cannot start a thread: {describe_shortage(error) or error}") from None


def require_threads(count: int) -> None:
    """Start `count` threads that do nothing, at once, and end them. Raises KernelError."""
    over = threading.Event()
    probes = [threading.Thread(target=over.wait, name="room", daemon=True) for _ in range(count)]
    try:
        for probe in probes:
            start_thread(probe)
    finally:
        over.set()
        for probe in probes:
            if probe.ident is not None:
                probe.join()
