"""Guard: starts kernels again that die unasked, where their user wants that.

Of several dashboards the one that has the lease does it; the others see the new process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from kerneltui.errors import KernelError
from kerneltui.fleet.lease import Lease
from kerneltui.fleet.ledger import Ledger
from kerneltui.fleet.row import Row
from kerneltui.kernels.guarded_thread import GuardedThread
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.process import KernelProcess
from kerneltui.protocol.status import Wanted


class Guard:
    """Used by the discovery thread."""

    def __init__(self, folder: Path, ledger: Ledger, warn: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._warn = warn
        self._lease = Lease(folder)
        self._problem = ""
        """What was told last of why nobody restarts; "" where that is well."""

    def look(self, rows: Mapping[str, Row]) -> None:
        """Take the lease where there is a use for it, and follow up what died without a guard.

        One may have died before its manager was told to restart it.
        """
        guarded = [row for row in tuple(rows.values()) if row.is_guarded]
        has_it = bool(guarded) and self._take()
        for row in tuple(rows.values()):
            if row.is_ours and row.manager is not None:
                row.manager.autorestart = has_it and row.is_guarded
                row.manager.may_restart = partial(self._is_unasked, row)
        if not guarded:
            self._lease.release()
        for row in guarded if has_it else ():
            manager = row.manager
            if manager is not None and manager.process is not None and self._died_unasked(row):
                self._restart(manager, manager.process)

    def close(self) -> None:
        self._lease.release()

    def _take(self) -> bool:
        has_it, problem = False, ""
        try:
            has_it = self._lease.take()
        except OSError as error:  # a file system without locks: then nobody restarts
            problem = f"kernels that die are not restarted: {error.strerror}"
        if problem and problem != self._problem:
            self._warn(problem)
        self._problem = problem
        return has_it

    def _died_unasked(self, row: Row) -> bool:
        """Tell whether a kernel has died that was seen alive here, and nobody had wanted it to."""
        assert row.manager is not None
        status = row.manager.status
        is_dead = row.was_alive and status.exited and status.wanted is Wanted.UP
        return is_dead and self._is_unasked(row)

    def _is_unasked(self, row: Row) -> bool:
        """Tell whether a kernel is guarded, and no other dashboard has ended it."""
        manifest = row.manifest
        if manifest is None or not manifest.autorestart:
            return False
        return not self._ledger.is_ordered(manifest, row.identity)

    def _restart(self, manager: KernelManager, died: KernelProcess) -> None:
        def restart() -> None:
            try:
                manager.restart_after(died, newports=False)
            except (KernelError, OSError) as error:
                self._warn(f"{manager.describe()} was not restarted: {error}")

        manager.life.order(Wanted.RESTART)
        GuardedThread(restart, f"kernel-restart-{died.identity.pid}").start()
