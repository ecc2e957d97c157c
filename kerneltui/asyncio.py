"""The library for programs with an event loop: the same verbs, to be awaited.

Rule: no verb is written here a second time. A client's verbs are coroutines of the library, and
the loop waits for them. A manager's verbs block, so each runs in a thread of its own. A
cancelled wait has taken no message. A cancelled order to a kernel is still carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any, TypeVar, Unpack, cast

from kerneltui.kernels.client.awaiting import (
    AsyncChannel,
    Bell,
    as_of_loop,
    awaited,
    in_thread,
    passed_on,
    to_its_end,
)
from kerneltui.kernels.client.channels import Source
from kerneltui.kernels.client.client import BlockingKernelClient, KernelClient
from kerneltui.kernels.management.launch_plan import StartArguments
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager, raise_failures
from kerneltui.kernels.management.run import STARTUP_TIMEOUT, ready_kernel
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Message

T = TypeVar("T")


class AsyncKernelClient(KernelClient[AsyncChannel]):
    """A client of one kernel, for one event loop.

    It belongs to the loop in whose thread its channels are started. A method that only sends
    returns at once: `execute` returns a msg_id, or an awaitable with `reply=True`. Tasks may share
    a client: each gets the replies to its own requests. Hooks are called in the loop's thread. If a
    prompt has no hook, the whole loop waits while the user types.
    """

    def __init__(self, **arguments: Any) -> None:
        """`arguments`: as for BlockingKernelClient."""
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

    get_reply = _recv_reply = _async_recv_reply = KernelClient._reply_to
    wait_for_ready = KernelClient._wait_for_ready
    execute_interactive = KernelClient._execute_interactive
    create_subshell = KernelClient._create_subshell
    delete_subshell = KernelClient._delete_subshell
    list_subshells = KernelClient._list_subshells

    async def is_alive(self) -> bool:
        return await in_thread(self._is_alive)

    def stop_channels(self) -> None:
        """Disconnect; calls that wait raise ChannelNotOpen. Any thread may call it."""
        self._bell.call(super().stop_channels)

    async def _poll(
        self, channels: Sequence[Source], process: KernelProcess | None, deadline: float | None
    ) -> list[Any]:
        kept = self._kept
        await asyncio.sleep(0)  # before the poll: no other task runs between poll and read
        exited = None if process is None else os.dup(process.fileno())  # other clients watch it too
        try:
            with self._bell.in_use():
                while not (ready := self._poll_here(channels, process, time.monotonic())):
                    if kept != self._kept:  # another task has set a message aside
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
        return await in_thread(call, daemon=True)  # it only looks and waits, perhaps for ever

    def tap(self, channel: Channel, message: Message) -> None:
        self._bell.ring()
        super().tap(channel, message)

    def _new_channel(self, channel: Channel) -> AsyncChannel:
        made = AsyncChannel(channel, self.session.clone(), self, self._thread)
        made.bell = self._bell
        return made


class AsyncKernelManager(KernelManager):
    """A KernelManager whose verbs are awaited.

    Its constructor and attributes are those of a KernelManager. `isinstance` takes it for one, as
    in `jupyter_client`; for a type checker the verbs differ.
    """

    _client_class = "kerneltui.asyncio.AsyncKernelClient"

    @property
    def ready(self) -> asyncio.Future[None]:  # type: ignore[override]
        """Done when the latest start, restart or shutdown has ended."""
        return as_of_loop(super().ready)

    def client(self, **arguments: Any) -> AsyncKernelClient:  # type: ignore[override]
        """Return a client of this kernel; its channels are closed."""
        return cast(AsyncKernelClient, super().client(**arguments))

    def blocking_client(self) -> BlockingKernelClient:
        return BlockingKernelClient(connection_file=self.connection_file, parent=self)

    start_kernel = awaited(KernelManager.start_kernel, to_its_end)  # type: ignore[assignment]
    restart_kernel = awaited(KernelManager.restart_kernel)  # type: ignore[assignment]
    shutdown_kernel = awaited(KernelManager.shutdown_kernel)  # type: ignore[assignment]
    interrupt_kernel = awaited(KernelManager.interrupt_kernel)  # type: ignore[assignment]
    signal_kernel = awaited(KernelManager.signal_kernel)  # type: ignore[assignment]
    is_alive = awaited(KernelManager.is_alive)  # type: ignore[assignment]
    cleanup_resources = awaited(KernelManager.cleanup_resources)  # type: ignore[assignment]
    pre_start_kernel = awaited(KernelManager.pre_start_kernel)  # type: ignore[assignment]
    request_shutdown = awaited(KernelManager.request_shutdown)  # type: ignore[assignment]
    finish_shutdown = awaited(KernelManager.finish_shutdown)  # type: ignore[assignment]

    looks_alive = KernelManager.is_alive
    _clean_up = KernelManager.cleanup_resources


class AsyncMultiKernelManager(MultiKernelManager):
    """A MultiKernelManager of AsyncKernelManagers, whose verbs are awaited."""

    _kernel_manager_class = "kerneltui.asyncio.AsyncKernelManager"

    def get_kernel(self, kernel_id: str) -> AsyncKernelManager:
        """Return one kernel's manager. Raises NoSuchKernel, a KeyError."""
        return cast(AsyncKernelManager, super().get_kernel(kernel_id))

    def remove_kernel(self, kernel_id: str) -> AsyncKernelManager | None:
        """Forget a kernel, running or not, and return its manager."""
        return cast(AsyncKernelManager | None, super().remove_kernel(kernel_id))

    start_kernel = MultiKernelManager._start_kernel  # type: ignore[assignment]
    shutdown_kernel = MultiKernelManager._shutdown_kernel  # type: ignore[assignment]

    async def shutdown_all(self, now: bool = False) -> None:  # type: ignore[override]
        """Shut all kernels down at once. Raises an ExceptionGroup of what failed."""
        await self.shutdown_kernels(await in_thread(self._all_started), now)

    async def shutdown_kernels(  # type: ignore[override]
        self, kernel_ids: Collection[str], now: bool = False
    ) -> None:
        ends = [self._shutdown_if_there(each, now) for each in kernel_ids]
        raise_failures(await asyncio.gather(*ends, return_exceptions=True))

    restart_kernel = passed_on(MultiKernelManager.restart_kernel)  # type: ignore[assignment]
    interrupt_kernel = passed_on(MultiKernelManager.interrupt_kernel)  # type: ignore[assignment]
    signal_kernel = passed_on(MultiKernelManager.signal_kernel)  # type: ignore[assignment]
    is_alive = passed_on(MultiKernelManager.is_alive)  # type: ignore[assignment]
    cleanup_resources = passed_on(MultiKernelManager.cleanup_resources)  # type: ignore[assignment]
    request_shutdown = passed_on(MultiKernelManager.request_shutdown)  # type: ignore[assignment]
    finish_shutdown = passed_on(MultiKernelManager.finish_shutdown)  # type: ignore[assignment]


async def start_new_async_kernel(
    startup_timeout: float = STARTUP_TIMEOUT,
    kernel_name: str = "python",
    **kwargs: Unpack[StartArguments],
) -> tuple[AsyncKernelManager, AsyncKernelClient]:
    """Return a manager whose kernel runs and a connected client that is ready.

    `kwargs`: as for `start_kernel`. After an error no kernel is left running.
    """
    return await ready_kernel(AsyncKernelManager(kernel_name=kernel_name), startup_timeout, kwargs)


@contextlib.asynccontextmanager
async def run_kernel(**arguments: Any) -> AsyncIterator[AsyncKernelClient]:
    """Yield a connected client; shut its kernel down at the end, also after an error.

    `arguments`: as for `start_new_async_kernel`.
    """
    manager, client = await start_new_async_kernel(**arguments)
    try:
        yield client
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
