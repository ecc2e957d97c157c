"""Fleet: every kernel, what is true of it now, and the verbs. What a front end is built on."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.adoption import environment_differs, todays_environment
from kerneltui.fleet.console import LOCKED
from kerneltui.fleet.kernel_info import KernelInfo, kernel_info
from kerneltui.fleet.limits import USUAL, Limits
from kerneltui.fleet.logout import logout_warning
from kerneltui.fleet.manifest import Manifest
from kerneltui.fleet.message_log import MessageLog
from kerneltui.fleet.notices import Notice
from kerneltui.fleet.process_tree import ProcessFacts
from kerneltui.fleet.roster import Roster, Row
from kerneltui.fleet.snapshot import Target
from kerneltui.fleet.transcript import Transcript
from kerneltui.fleet.transport import Transport
from kerneltui.kernels.family import descendants
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.process import describe_process, outside_group
from kerneltui.protocol.text import clean_line


@dataclass(frozen=True, slots=True)
class SpecChoice:
    """A kernelspec that can be started; its texts have passed the gate."""

    name: str
    display_name: str
    language: str


class Fleet(Roster):
    """Everything alive. Verbs block; whatever is published can be read in any thread.

    The kernels live on when the fleet is closed.
    """

    def __init__(
        self, *, transport: Transport = "auto", limits: Limits = USUAL, locked: bool = False
    ) -> None:
        super().__init__(transport, limits)
        self.locked = locked

    def open(self) -> None:
        """Start listening, and adopt the kernels that an earlier dashboard has left."""
        self._board.open()
        self._monitor.start()
        self._usage.start()
        self.console.start()
        self._ledger.start()
        if warning := logout_warning():
            self._warn(warning)

    def close(self) -> None:
        """Stop listening; the kernels do not notice."""
        self._ledger.stop()
        self.console.stop()
        self._usage.stop()
        self._monitor.stop()
        self._board.close()

    # -- what is true now ----

    def transcript(self, kernel_id: str) -> Transcript | None:
        return self._monitor.transcript(kernel_id)

    def message_log(self, kernel_id: str) -> MessageLog | None:
        """Return what was heard of a kernel and what our clients said to it, as messages."""
        return self._monitor.message_log(kernel_id)

    def info(self, kernel_id: str) -> KernelInfo:
        """Look up what a kernel was started with. Blocking. Raises NoSuchKernel."""
        log = self._monitor.message_log(kernel_id)
        return kernel_info(self._manager_of(kernel_id), log.kernel_info if log else {})

    def processes(self, kernel_id: str) -> tuple[ProcessFacts, ...]:
        """Look at a kernel's processes, none once it is gone. Blocking."""
        row = self._rows.get(kernel_id)
        if row is None or row.identity is None or not row.identity.is_alive():
            return ()
        return row.tree.look(row.identity.pid, time.monotonic())

    def log(self, kernel_id: str) -> Transcript | None:
        """Read what is new in a kernel's log, and return all of it. Blocking."""
        row = self._rows.get(kernel_id)
        return row.log.look() if row and row.log else None

    def mark(self, kernel_id: str) -> None:
        """Draw a line below what a kernel has said so far."""
        self._monitor.note(kernel_id, f"──────── {time.strftime('%H:%M:%S')} ────────")

    def take_notices(self) -> tuple[Notice, ...]:
        """Return what happened without being asked for, once."""
        return self._board.take()

    def kernel_specs(self) -> tuple[SpecChoice, ...]:
        """Return what can be started, by name; broken kernelspecs become notices."""
        found = self._kernels.kernel_spec_manager.get_all_specs()
        return tuple(
            SpecChoice(
                name,
                clean_line(each["spec"]["display_name"] or name),
                clean_line(each["spec"]["language"]),
            )
            for name, each in sorted(found.items())
        )

    def escaped(self, target: Target) -> tuple[str, ...]:
        """Return the descendants that left the group, a line each: a kill ends them too."""
        pid = self._checked(target).pid
        return tuple(
            clean_line(describe_process(each)) for each in outside_group(pid, descendants(pid))
        )

    # -- verbs: they raise KernelError, and return a sentence worth showing, or "" ----

    def start(self, kernel_name: str, *, cwd: str, name: str = "") -> str:
        """Start a kernel that outlives this process; return its id."""
        self._permit()
        kernel_id, environment = self._kernels.new_kernel_id(), todays_environment()
        manifest = Manifest(
            kernel_id=kernel_id,
            name=name or self._free_name(kernel_name),
            kernel_name=kernel_name,
            connection_file=str(Path(jupyter_runtime_dir(), f"kernel-{kernel_id}.json")),
            cwd=cwd,
            environment=tuple(sorted(environment)),
            started_at=time.time(),
        )
        with self._lock:
            self._rows[kernel_id] = Row(manifest.name, cwd, manifest=self._ledger.write(manifest))
        try:
            self._kernels.start_kernel(
                kernel_name,
                kernel_id=kernel_id,
                cwd=cwd or None,
                env=environment,
                independent=True,
            )
        except BaseException:
            self._forget(kernel_id)
            raise
        if kernel_id not in self._kernels:  # all have been shut down meanwhile
            self._forget(kernel_id)
        self._publish()
        return kernel_id

    def interrupt(self, target: Target) -> str:
        self._permit()
        self._checked(target)
        self._kernels.interrupt_kernel(target.kernel_id)
        self._note(target.kernel_id, "interrupted")
        return ""

    def signal(self, target: Target, signum: int) -> str:
        self._permit()
        self._checked(target)
        self._kernels.signal_kernel(target.kernel_id, signum)
        self._note(target.kernel_id, f"sent signal {signum}")
        return ""

    def restart(self, target: Target, *, now: bool = False) -> str:
        """Restart, after a death as well."""
        self._permit()
        row = self._row(target)
        with self._order(row, "restarting"):
            self._kernels.restart_kernel(target.kernel_id, now=now)
        return self._note_environment(row)

    def _note_environment(self, row: Row) -> str:
        """Return how the environment differs that a kernel was restarted with, if it may."""
        if not row.environment_lost or row.manifest is None:
            return ""
        row.environment_lost = False
        differs = environment_differs(row.manifest.environment, todays_environment())
        return f"{row.name} has today's environment: {differs}" if differs else ""

    def shutdown(self, target: Target) -> str:
        """Shut down and dismiss the row; of a dead kernel only the row is left to dismiss."""
        self._permit()
        with self._order(self._row(target), "stopping"):
            self._kernels.shutdown_kernel(target.kernel_id)
        if target.kernel_id not in self._kernels:  # else a restart has come in between
            self._forget(target.kernel_id)
        return ""

    def kill(self, target: Target) -> str:
        """SIGKILL the kernel and all its descendants; the row stays, to restart or dismiss it."""
        self._permit()
        self._checked(target)
        with self._order(self._row(target), "killing"):
            self._kernels.get_kernel(target.kernel_id).shutdown_kernel(now=True)
        return ""

    def shutdown_all(self) -> str:
        """Shut all kernels down at once."""
        self._permit()
        running = self._kernels.list_kernel_ids()
        with contextlib.ExitStack() as orders:
            for row in [self._rows[kernel_id] for kernel_id in running if kernel_id in self._rows]:
                orders.enter_context(self._order(row, "stopping"))
            try:
                self._kernels.shutdown_all()
            except ExceptionGroup as group:
                raise KernelError("; ".join(map(str, group.exceptions))) from None
            finally:
                for kernel_id, row in tuple(self._rows.items()):
                    if kernel_id not in self._kernels and row.manager and row.manager.status.exited:
                        self._forget(kernel_id)
        return ""

    # -- targets ----

    @property
    def locked(self) -> bool:
        """While true every verb is refused, and nothing is run or answered."""
        return self.console.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self.console.locked = locked

    def _permit(self) -> None:
        if self.locked:
            raise ActionRefused(LOCKED)

    def _checked(self, target: Target) -> ProcessIdentity:
        """Return the process that is meant. Raises ActionRefused where it is gone."""
        self._row(target)
        if target.identity is None or not target.identity.is_alive():
            raise ActionRefused(f"{target.name} is not running")
        return target.identity

    def _row(self, target: Target) -> Row:
        """Return the row that is meant. Raises ActionRefused where it has another process."""
        row = self._rows.get(target.kernel_id)
        if row is None:
            raise ActionRefused(f"{target.name} is gone; nothing was done")
        if row.identity != target.identity:
            raise ActionRefused(f"{target.name} has another process by now; nothing was done")
        return row
