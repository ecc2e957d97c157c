"""A kernel for as long as a block lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Unpack

from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.management.launch_plan import StartArguments
from kerneltui.kernels.management.manager import KernelManager

STARTUP_TIMEOUT = 60.0  # seconds; jupyter_client's


def start_new_kernel(
    startup_timeout: float = STARTUP_TIMEOUT,
    kernel_name: str = "python",
    **kwargs: Unpack[StartArguments],
) -> tuple[KernelManager, BlockingKernelClient]:
    """Return a manager whose kernel runs and a connected client that is ready.

    `kwargs`: as of `KernelManager.start_kernel`. Whatever goes wrong, no kernel stays behind.
    """
    manager = KernelManager(kernel_name=kernel_name)
    client = None
    try:
        manager.start_kernel(**kwargs)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=startup_timeout)
    except BaseException:
        if client is not None:
            client.stop_channels()
        manager.shutdown_kernel(now=True)
        raise
    return manager, client


@contextlib.contextmanager
def run_kernel(
    *,
    startup_timeout: float = STARTUP_TIMEOUT,
    kernel_name: str = "python",
    **kwargs: Unpack[StartArguments],
) -> Iterator[BlockingKernelClient]:
    """Yield a connected client; its kernel is gone afterwards, whatever was raised."""
    manager, client = start_new_kernel(startup_timeout, kernel_name, **kwargs)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
