"""AutoRestarter: restarts kernels that die unasked, if the user wants that.

Of several dashboards, the one with the lease does it; the others see the new process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.reconcile.lease import Lease
from kerneltui.fleet.registry.orders import Orders
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.guarded_thread import GuardedThread
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.processes.thread_room import start_thread
from kerneltui.protocol.status import Wanted


class AutoRestarter:
    """Used by the discovery thread."""

    def __init__(
        self,
        folder: Path,
        registry: KernelRegistry,
        orders: Orders,
        warn: Callable[[str], None],
        is_locked: Callable[[], bool],
    ) -> None:
        """`is_locked`: tells whether kernels are only watched; then another dashboard may have the
        lease.
        """
        self._registry = registry
        self._orders = orders
        self._warn = warn
        self._is_locked = is_locked
        self._lease = Lease(folder)
        self._given_up: dict[str, int] = {}
        """By kernel id, the number of the process after which that was noted."""
        self._problem = ""
        """The last reported problem with the lease; "" if there is none."""

    def look(self) -> None:
        """Take the lease if a kernel needs it, and restart kernels that have died without it.

        A kernel may have died before its manager was told to restart it.
        """
        # With a lease that is taken now, the registry may be out of date: the dashboard that held
        # it may have given a kernel up.
        is_informed = self._lease.held
        self._note_given_up()
        kernels = self._registry.all()
        may_restart = not self._is_locked()
        wanted = [kernel for kernel in kernels if kernel.is_autorestarted and may_restart]
        has_it = bool(wanted) and self._take()
        for kernel in kernels:
            if kernel.is_ours and kernel.manager is not None:
                kernel.manager.autorestart = has_it and kernel.is_autorestarted
                kernel.manager.may_restart = partial(self._is_unasked, kernel)
        if not wanted:
            self._lease.release()
        for kernel in wanted if has_it and is_informed else ():
            manager = kernel.manager
            if manager is not None and manager.process is not None and self._died_unasked(kernel):
                self._restart(manager, manager.process)

    def close(self) -> None:
        self._note_given_up()
        self._lease.release()

    def _note_given_up(self) -> None:
        """Switch off the restarts of kernels that die too often: no dashboard begins again."""
        for kernel in self._registry.all():
            manager = kernel.manager
            if manager is None or not kernel.is_autorestarted:
                continue
            _await_decision(manager)
            if not manager.has_given_up:
                continue
            if self._given_up.get(kernel.kernel_id) == manager.spawns:  # switched on since
                continue
            with contextlib.suppress(ActionRefused):  # another process gives it an order: later
                self._orders.amend(kernel, autorestart=False)
                self._given_up[kernel.kernel_id] = manager.spawns
                self._warn(f"{kernel.name} died too often in a row: automatic restart is now off")

    def _take(self) -> bool:
        has_it, problem = False, ""
        try:
            has_it = self._lease.take()
        except OSError as error:  # a file system without locks: then there are no restarts
            problem = f"kernels that die are not restarted: {error.strerror}"
        if problem and problem != self._problem:
            self._warn(problem)
        self._problem = problem
        return has_it

    def _died_unasked(self, kernel: TrackedKernel) -> bool:
        """Tell whether a kernel that was seen alive here has died, and that was not ordered."""
        assert kernel.manager is not None
        _await_decision(kernel.manager)
        status = kernel.manager.status
        is_dead = kernel.was_alive and status.exited and status.wanted is Wanted.UP
        return is_dead and self._is_unasked(kernel)

    def _is_unasked(self, kernel: TrackedKernel) -> bool:
        """Tell whether a kernel is still to be restarted, and no dashboard has ended it."""
        now = self._registry.now(kernel)
        if now is None or not now.is_autorestarted or self._is_locked():
            return False
        return not self._orders.is_ordered(now)

    def _restart(self, manager: KernelManager, died: KernelProcess) -> None:
        def restart() -> None:
            try:
                manager.restart_after(died, newports=False)
            except (KernelError, OSError) as error:
                self._warn_of_failure(manager, error)

        manager.life.order(Wanted.RESTART)
        try:
            start_thread(GuardedThread(restart, f"kernel-restart-{died.identity.pid}"))
        except KernelError as error:  # clients wait for the restart
            manager.life.order(Wanted.DOWN, f"restart failed: {error}")
            self._warn_of_failure(manager, error)

    def _warn_of_failure(self, manager: KernelManager, error: Exception) -> None:
        self._warn(f"{manager.describe()} was not restarted: {error}")


def _await_decision(manager: KernelManager) -> None:
    """Return once it is decided what follows the end of a kernel's process, if that has ended."""
    process = manager.process
    if process is not None and process.wait(0):  # not `exited`: it may be ending for long
        manager.life.record_exit(process)
