"""MultiKernelManager: many kernels, each by its id."""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import zmq

from kerneltui.arguments import Settings, configured, refuse_unknown
from kerneltui.errors import DuplicateKernel, NoSuchKernel
from kerneltui.kernels.client.finish import blocking, finish, over
from kerneltui.kernels.connection.context import ContextOwner
from kerneltui.kernels.connection.sockets import Context
from kerneltui.kernels.management.at_once import all_at_once
from kerneltui.kernels.management.client_maker import named
from kerneltui.kernels.management.launch_plan import LaunchArguments, StartArguments
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.restarter import RestartCallback
from kerneltui.kernels.specs.spec_manager import NATIVE_KERNEL_NAME, KernelSpecManager
from kerneltui.protocol.status import Wanted
from kerneltui.words import counted

ManagerFactory = Callable[..., KernelManager]

SHUTDOWN_THREADS = 32  # they wait for processes; the work is the kernels' own


class MultiKernelManager(ContextOwner):
    """A registry of KernelManagers. Threads may share it; a kernel that dies is restarted.

    A subclass may set `kernel_manager_class` or `kernel_manager_factory` for all its instances.
    """

    log = logging.getLogger("kerneltui")
    """The parent of the loggers of all modules here; the modules log to their own."""

    _kernel_manager_class: str | ManagerFactory = "kerneltui.KernelManager"
    _kernel_manager_factory: ManagerFactory | None = None

    @configured
    def __init__(
        self,
        *,
        default_kernel_name: str = NATIVE_KERNEL_NAME,
        kernel_spec_manager: KernelSpecManager | None = None,
        kernel_manager_class: str | ManagerFactory | None = None,
        kernel_manager_factory: ManagerFactory | None = None,
        connection_dir: str = "",
        autorestart: bool = True,
        context: Context | None = None,
        config: Settings | None = None,
        parent: object = None,
        **unknown: object,
    ) -> None:
        refuse_unknown(type(self).__name__, unknown, MultiKernelManager.__init__)
        self.config: Settings = config or {}
        self.parent = parent
        self.default_kernel_name = default_kernel_name
        self.kernel_spec_manager = kernel_spec_manager or KernelSpecManager(parent=self)
        if kernel_manager_class is not None:
            self.kernel_manager_class = kernel_manager_class
        if kernel_manager_factory is not None:
            self.kernel_manager_factory = kernel_manager_factory
        self.connection_dir = connection_dir
        self.autorestart = autorestart
        super().__init__(context)
        self._lock = threading.Lock()
        self._kernels: dict[str, KernelManager] = {}
        self._starting: set[str] = set()
        self._started = threading.Condition(self._lock)
        """Notified when an id leaves `_starting`."""

    @property
    def kernel_manager_class(self) -> str | ManagerFactory:
        """A class, or its dotted name; setting it sets the factory."""
        return self._kernel_manager_class

    @kernel_manager_class.setter
    def kernel_manager_class(self, kind: str | ManagerFactory) -> None:
        self._kernel_manager_class, self._kernel_manager_factory = kind, None

    @property
    def kernel_manager_factory(self) -> ManagerFactory:
        """The callable that makes a manager: `kernel_manager_class`, unless another one was set."""
        return self._kernel_manager_factory or named(self.kernel_manager_class)

    @kernel_manager_factory.setter
    def kernel_manager_factory(self, factory: ManagerFactory) -> None:
        self._kernel_manager_factory = factory

    # -- the registry ----

    def list_kernel_ids(self) -> list[str]:
        """Return the ids of the kernels that were started here and not removed."""
        return list(self._kernels)

    def __len__(self) -> int:
        return len(self._kernels)

    def __contains__(self, kernel_id: object) -> bool:
        return kernel_id in self._kernels

    def get_kernel(self, kernel_id: str) -> KernelManager:
        """Return one kernel's manager. Raises NoSuchKernel, a KeyError."""
        try:
            return self._kernels[kernel_id]
        except KeyError:
            raise NoSuchKernel(f"no kernel with id {kernel_id!r}", kernel_id) from None

    def add_kernel(self, manager: KernelManager) -> None:
        """Register a kernel whose manager was made elsewhere. Raises DuplicateKernel."""
        self._claim(manager.kernel_id)
        self._settle(manager.kernel_id, manager)

    def remove_kernel(self, kernel_id: str) -> KernelManager | None:
        """Forget a kernel, running or not, and return its manager; None for an unknown one."""
        with self._lock:
            return self._kernels.pop(kernel_id, None)

    def new_kernel_id(self, **_kwargs: Any) -> str:
        return str(uuid.uuid4())

    # -- starting and stopping ----

    async def _start_kernel(
        self, kernel_name: str | None = None, **kwargs: Unpack[StartArguments]
    ) -> str:
        """Start a kernel and return its id.

        `kwargs`: as for `KernelManager.start_kernel`; the caller may give a `kernel_id`, else a new
        one is made. Raises DuplicateKernel for an id in use.
        """
        manager, _, kernel_id = self.pre_start_kernel(kernel_name, kwargs)
        with self._claimed(kernel_id, manager):
            await over(manager.start_kernel(**kwargs))  # type: ignore[func-returns-value]
        return kernel_id

    start_kernel = blocking(_start_kernel)

    def pre_start_kernel(
        self, kernel_name: str | None, kwargs: StartArguments
    ) -> tuple[KernelManager, str, str]:
        """Return a manager, the kernelspec's name and the id for a kernel to be started.

        `kwargs`: as for `start_kernel`; the id is taken out of them. A subclass may do more.
        """
        kernel_name = kernel_name or self.default_kernel_name
        kernel_id = kwargs.pop("kernel_id", None) or self.new_kernel_id(**kwargs)
        return self._new_manager(kernel_name, kernel_id), kernel_name, kernel_id

    @contextlib.contextmanager
    def _claimed(self, kernel_id: str, manager: KernelManager) -> Iterator[None]:
        """Register a kernel that the block starts, if it runs then. Raises DuplicateKernel."""
        self._claim(kernel_id)
        try:
            yield
        finally:
            self._settle(kernel_id, manager if manager.has_kernel else None)

    def _claim(self, kernel_id: str) -> None:
        with self._lock:
            if kernel_id in self._kernels or kernel_id in self._starting:
                raise DuplicateKernel(f"kernel id {kernel_id!r} is already in use")
            self._starting.add(kernel_id)

    def _settle(self, kernel_id: str, manager: KernelManager | None) -> None:
        """End a claim and register the kernel's manager; None if it did not start."""
        with self._lock:
            if manager is not None:
                self._kernels[kernel_id] = manager
            self._starting.discard(kernel_id)
            self._started.notify_all()

    def _new_manager(self, kernel_name: str, kernel_id: str) -> KernelManager:
        arguments: dict[str, Any] = {
            "kernel_name": kernel_name,
            "kernel_id": kernel_id,
            "kernel_spec_manager": self.kernel_spec_manager,
            "autorestart": self.autorestart,
            "parent": self,
        }
        if self.connection_dir:
            arguments["connection_file"] = str(
                Path(self.connection_dir, f"kernel-{kernel_id}.json")
            )
        if self._context is not None:
            arguments["context"] = self._context
        return self.kernel_manager_factory(**arguments)

    async def _shutdown_kernel(
        self, kernel_id: str, now: bool = False, restart: bool = False
    ) -> None:
        """Shut a kernel down and forget it.

        It stays registered with `restart`, or if another thread restarts it meanwhile.
        """
        manager = self.get_kernel(kernel_id)
        await over(manager.shutdown_kernel(now=now, restart=restart))  # type: ignore[func-returns-value]
        is_down = manager.status.wanted is Wanted.DOWN or not manager.owns_kernel
        if is_down and not restart:
            with self._lock:
                self._kernels.pop(kernel_id, None)

    shutdown_kernel = blocking(_shutdown_kernel)

    def request_shutdown(self, kernel_id: str, restart: bool = False) -> None:
        return self.get_kernel(kernel_id).request_shutdown(restart=restart)

    def finish_shutdown(
        self, kernel_id: str, waittime: float | None = None, pollinterval: float = 0.1
    ) -> None:
        return self.get_kernel(kernel_id).finish_shutdown(waittime, pollinterval)

    def shutdown_all(self, now: bool = False) -> None:
        """Shut all kernels down at once; it takes as long as the slowest one.

        Kernels that are being started are waited for and shut down as well. Raises an
        ExceptionGroup of what failed, once all have been tried.
        """
        self.shutdown_kernels(self._all_started(), now)

    def _all_started(self) -> list[str]:
        """Return the ids of all kernels, after waiting for those that are being started."""
        with self._lock:
            under_way = set(self._starting)
            self._started.wait_for(lambda: not under_way & self._starting)
            return self.list_kernel_ids()

    def shutdown_kernels(self, kernel_ids: Collection[str], now: bool = False) -> None:
        """Shut these kernels down at once. Raises as `shutdown_all` does."""
        ends = [partial(finish, self._shutdown_if_there(each, now)) for each in kernel_ids]
        raise_failures(all_at_once(ends, SHUTDOWN_THREADS))

    async def _shutdown_if_there(self, kernel_id: str, now: bool) -> None:
        with contextlib.suppress(NoSuchKernel):  # another caller was faster
            await over(self.shutdown_kernel(kernel_id, now=now))

    def restart_kernel(
        self,
        kernel_id: str,
        now: bool = False,
        newports: bool = False,
        **kwargs: Unpack[LaunchArguments],
    ) -> None:
        return self.get_kernel(kernel_id).restart_kernel(now=now, newports=newports, **kwargs)

    def cleanup_resources(self, kernel_id: str, restart: bool = False) -> None:
        return self.get_kernel(kernel_id).cleanup_resources(restart=restart)

    # -- one kernel's verbs ----

    def interrupt_kernel(self, kernel_id: str) -> None:
        return self.get_kernel(kernel_id).interrupt_kernel()

    def signal_kernel(self, kernel_id: str, signum: int) -> None:
        return self.get_kernel(kernel_id).signal_kernel(signum)

    def is_alive(self, kernel_id: str) -> bool:
        return self.get_kernel(kernel_id).is_alive()

    def update_env(self, *, kernel_id: str, env: dict[str, str]) -> None:
        return self.get_kernel(kernel_id).update_env(env=env)

    def add_restart_callback(
        self, kernel_id: str, callback: RestartCallback, event: str = "restart"
    ) -> None:
        return self.get_kernel(kernel_id).add_restart_callback(callback, event)

    def remove_restart_callback(
        self, kernel_id: str, callback: RestartCallback, event: str = "restart"
    ) -> None:
        return self.get_kernel(kernel_id).remove_restart_callback(callback, event)

    def get_connection_info(self, kernel_id: str) -> dict[str, Any]:
        return self.get_kernel(kernel_id).get_connection_info()

    def connect_iopub(self, kernel_id: str, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return self.get_kernel(kernel_id).connect_iopub(identity)

    def connect_shell(self, kernel_id: str, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return self.get_kernel(kernel_id).connect_shell(identity)

    def connect_control(self, kernel_id: str, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return self.get_kernel(kernel_id).connect_control(identity)

    def connect_stdin(self, kernel_id: str, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return self.get_kernel(kernel_id).connect_stdin(identity)

    def connect_hb(self, kernel_id: str, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return self.get_kernel(kernel_id).connect_hb(identity)


def raise_failures(results: Sequence[BaseException | None]) -> None:
    """Raise the errors of kernels that did not shut down, as one group."""
    if failures := [error for error in results if error is not None]:
        raise BaseExceptionGroup(f"{counted(len(failures), 'kernel')} did not shut down", failures)
