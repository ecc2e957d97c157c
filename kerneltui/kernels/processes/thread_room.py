"""Check that this process may start as many threads as it is going to need.

This must be known in advance: libzmq aborts the whole process if one of its threads cannot
start.
"""

from __future__ import annotations

import threading

from kerneltui.errors import KernelError
from kerneltui.kernels.processes.nofile import describe_shortage


def require_threads(count: int) -> None:
    """Start `count` threads that do nothing, at once, and end them. Raises KernelError."""
    over = threading.Event()
    probes = [threading.Thread(target=over.wait, name="room", daemon=True) for _ in range(count)]
    try:
        for probe in probes:
            probe.start()
    except RuntimeError as error:
        raise KernelError(f"cannot start a thread: {describe_shortage(error) or error}") from None
    finally:
        over.set()
        for probe in probes:
            if probe.ident is not None:
                probe.join()
