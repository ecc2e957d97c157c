"""The library for programs with an event loop: the same verbs, to be awaited.

Rule: no verb is written here a second time. A client's are coroutines of the library, and the
loop waits for them; a manager's block, so that each runs in a thread of its own. A wait that is
cancelled has taken no message. An order to a kernel that is cancelled is carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar, Unpack, cast

from kerneltui.kernels.client.awaiting import AsyncChannel, Bell, awaited, in_thread
from kerneltui.kernels.client.channels import Source
from kerneltui.kernels.client.client import BlockingKernelClient, KernelClient
from kerneltui.kernels.management.client_maker import named
from kerneltui.kernels.management.launch_plan import StartArguments
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.management.run import STARTUP_TIMEOUT
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Message

T = TypeVar("T")


class AsyncKernelClient(KernelClient[AsyncChannel]):
    """A client of one kernel, for the event loop in whose thread its channels are started.

    What only sends returns at once: `execute` a msg_id, or with `reply=True` what can be
    awaited. Tasks may share a client: each gets the replies to what it has asked. Hooks are called
    in the loop's thread; while a person types at a prompt that no hook answers, the loop waits.
    """

    def __init__(self, **arguments: Any) -> None:
        """`arguments`: as of BlockingKernelClient."""
        super().__init__(**arguments)
        self._bell = Bell()

    async def get_shell_msg(self, timeout: float | None = None) -> Message:
        return await self.shell_channel.get_msg(timeout)

    async def get_iopub_msg(self, timeout: float | None = None) -> Message:
        return await self.iopub_channel.get_msg(timeout)

    async def get_stdin_msg(self, timeout: float | None = None) -> Message:
        return await self.stdin_channel.get_msg(timeout)

    async def get_control_msg(self, timeout: float | None = None) -> Message:
        return await self.control_channel.get_msg(timeout)

    get_reply = _recv_reply = KernelClient._reply_to
    wait_for_ready = KernelClient._wait_for_ready
    execute_interactive = KernelClient._execute_interactive
    create_subshell = KernelClient._create_subshell
    delete_subshell = KernelClient._delete_subshell
    list_subshells = KernelClient._list_subshells

    async def is_alive(self) -> bool:
        return await in_thread(self._is_alive)

    def stop_channels(self) -> None:
        """Disconnect; what waits raises RuntimeError. Any thread may call it."""
        self._bell.call(super().stop_channels)

    async def _poll(
        self, channels: Sequence[Source], process: KernelProcess | None, deadline: float | None
    ) -> list[Any]:
        kept = self._kept
        await asyncio.sleep(0)  # before the look, so that what is seen is also taken
        exited = None if process is None else os.dup(process.fileno())  # other clients watch it too
        try:
            while not (ready := self._poll_here(channels, process, time.monotonic())):
                if kept != self._kept:  # another task has set something aside
                    return [channels[0].opened()]
                if deadline is not None and time.monotonic() >= deadline:
                    break
                fds = [each.opened().fileno() for each in channels]
                await self._bell.wait(fds if exited is None else [*fds, exited], deadline)
            return ready
        finally:
            if exited is not None:
                os.close(exited)

    @property
    def _kept(self) -> int:
        return sum(each.kept for each in self._channels.values())

    async def _elsewhere(self, call: Callable[[], T]) -> T:
        return await in_thread(call)

    def tap(self, channel: Channel, message: Message) -> None:
        self._bell.ring()
        super().tap(channel, message)

    def _new_channel(self, channel: Channel) -> AsyncChannel:
        made = AsyncChannel(channel, self.session.clone(), self, self._thread)
        made.bell = self._bell
        return made


class Face:
    """What has its verbs awaited; all else is read and set as on `blocking`."""

    def __getattr__(self, name: str) -> Any:
        if name == "blocking":  # not made yet
            raise AttributeError(name)
        return getattr(vars(self)["blocking"], name)

    def __setattr__(self, name: str, value: object) -> None:
        blocking = vars(self).get("blocking")
        if hasattr(blocking, name):
            setattr(blocking, name, value)
        else:
            super().__setattr__(name, value)


class FacedManager(KernelManager):
    """A blocking manager that knows who has it awaited."""

    face: AsyncKernelManager


class AsyncKernelManager(Face):
    """A KernelManager whose verbs are awaited. `arguments`: as of a KernelManager."""

    def __init__(self, **arguments: Any) -> None:
        if not {"client_class", "client_factory"} & arguments.keys():
            arguments["client_factory"] = AsyncKernelClient
        self.blocking = FacedManager(**arguments)
        self.blocking.face = self

    @property
    def ready(self) -> asyncio.Future[None]:
        """Done when the start, restart or shutdown that began last has ended."""
        return asyncio.wrap_future(self.blocking.ready)

    def client(self, **arguments: Any) -> AsyncKernelClient:
        """Return a client of this kernel; its channels are closed."""
        client: Any = self.blocking.client(**arguments)
        return cast(AsyncKernelClient, client)

    def blocking_client(self) -> BlockingKernelClient:
        return BlockingKernelClient(connection_file=self.connection_file, parent=self.blocking)

    start_kernel = awaited(KernelManager.start_kernel)
    restart_kernel = awaited(KernelManager.restart_kernel)
    shutdown_kernel = awaited(KernelManager.shutdown_kernel)
    interrupt_kernel = awaited(KernelManager.interrupt_kernel)
    signal_kernel = awaited(KernelManager.signal_kernel)
    is_alive = awaited(KernelManager.is_alive)
    cleanup_resources = awaited(KernelManager.cleanup_resources)
    pre_start_kernel = awaited(KernelManager.pre_start_kernel)
    request_shutdown = awaited(KernelManager.request_shutdown)
    finish_shutdown = awaited(KernelManager.finish_shutdown)


class AsyncMultiKernelManager(Face):
    """A MultiKernelManager whose verbs are awaited. `arguments`: as of a MultiKernelManager."""

    def __init__(self, **arguments: Any) -> None:
        kind = arguments.pop("kernel_manager_class", AsyncKernelManager)
        kind = arguments.pop("kernel_manager_factory", None) or kind
        factory = named(kind)

        def make(**each: Any) -> FacedManager:
            manager: AsyncKernelManager = factory(**each)
            return manager.blocking

        self.blocking = MultiKernelManager(kernel_manager_factory=make, **arguments)

    def __len__(self) -> int:
        return len(self.blocking)

    def __contains__(self, kernel_id: object) -> bool:
        return kernel_id in self.blocking

    def get_kernel(self, kernel_id: str) -> AsyncKernelManager:
        """Return one kernel's manager. Raises NoSuchKernel, a KeyError."""
        manager = self.blocking.get_kernel(kernel_id)
        assert isinstance(manager, FacedManager), "made by another factory"
        return manager.face

    def remove_kernel(self, kernel_id: str) -> AsyncKernelManager | None:
        """Forget a kernel, whatever it does, and return its manager."""
        manager = self.blocking.remove_kernel(kernel_id)
        return manager.face if isinstance(manager, FacedManager) else None

    start_kernel = awaited(MultiKernelManager.start_kernel)
    restart_kernel = awaited(MultiKernelManager.restart_kernel)
    shutdown_kernel = awaited(MultiKernelManager.shutdown_kernel)
    shutdown_all = awaited(MultiKernelManager.shutdown_all)
    interrupt_kernel = awaited(MultiKernelManager.interrupt_kernel)
    signal_kernel = awaited(MultiKernelManager.signal_kernel)
    is_alive = awaited(MultiKernelManager.is_alive)
    cleanup_resources = awaited(MultiKernelManager.cleanup_resources)
    request_shutdown = awaited(MultiKernelManager.request_shutdown)
    finish_shutdown = awaited(MultiKernelManager.finish_shutdown)


async def start_new_async_kernel(
    startup_timeout: float = STARTUP_TIMEOUT,
    kernel_name: str = "python",
    **kwargs: Unpack[StartArguments],
) -> tuple[AsyncKernelManager, AsyncKernelClient]:
    """Return a manager whose kernel runs and a connected client that is ready.

    `kwargs`: as of `start_kernel`. Whatever goes wrong, no kernel stays behind.
    """
    manager = AsyncKernelManager(kernel_name=kernel_name)
    client = manager.client()
    try:
        await manager.start_kernel(**kwargs)
        client.start_channels()
        await client.wait_for_ready(timeout=startup_timeout)
    except BaseException:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        raise
    return manager, client


@contextlib.asynccontextmanager
async def run_kernel(**arguments: Any) -> AsyncIterator[AsyncKernelClient]:
    """Yield a connected client; its kernel is gone afterwards, whatever was raised.

    `arguments`: as of `start_new_async_kernel`.
    """
    manager, client = await start_new_async_kernel(**arguments)
    try:
        yield client
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
