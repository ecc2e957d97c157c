"""Start a kernel with a client that is ready; end it when a block ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar, Unpack

from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.client.finish import finish, over
from kerneltui.kernels.management.launch_plan import StartArguments
from kerneltui.kernels.management.manager import KernelManager

AnyManager = TypeVar("AnyManager", bound=KernelManager)

STARTUP_TIMEOUT = 60.0  # seconds; jupyter_client's


def start_new_kernel(
    startup_timeout: float = STARTUP_TIMEOUT,
    kernel_name: str = "python",
    **kwargs: Unpack[StartArguments],
) -> tuple[KernelManager, BlockingKernelClient]:
    """Return a manager whose kernel runs and a connected client that is ready.

    `kwargs`: as for `KernelManager.start_kernel`. After an error no kernel is left running.
    """
    return finish(ready_kernel(KernelManager(kernel_name=kernel_name), startup_timeout, kwargs))


async def ready_kernel(
    manager: AnyManager, startup_timeout: float, arguments: StartArguments
) -> tuple[AnyManager, Any]:
    """Start the kernel of a blocking or an async manager; see `start_new_kernel`."""
    client = manager.client()
    try:
        await over(manager.start_kernel(**arguments))
        client.start_channels()
        await over(client.wait_for_ready(timeout=startup_timeout))
    except BaseException:
        client.stop_channels()
        await over(manager.shutdown_kernel(now=True))
        raise
    return manager, client


@contextlib.contextmanager
def run_kernel(
    *,
    startup_timeout: float = STARTUP_TIMEOUT,
    kernel_name: str = "python",
    **kwargs: Unpack[StartArguments],
) -> Iterator[BlockingKernelClient]:
    """Yield a connected client; shut its kernel down at the end, also after an error."""
    manager, client = start_new_kernel(startup_timeout, kernel_name, **kwargs)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
