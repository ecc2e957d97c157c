"""Fleet: every kernel, what is true of it now, and the verbs. What a front end is built on."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerneltui.errors import ActionRefused, KernelError, NoSuchKernel
from kerneltui.fleet.console import LOCKED, Console
from kerneltui.fleet.kernel_info import KernelInfo, kernel_info
from kerneltui.fleet.kernel_log import KernelLog
from kerneltui.fleet.limits import USUAL, Limits
from kerneltui.fleet.message_log import MessageLog
from kerneltui.fleet.monitor import KernelMonitor
from kerneltui.fleet.notices import NOTICE_WIDTH, Notice, NoticeBoard
from kerneltui.fleet.process_tree import ProcessFacts, ProcessTree
from kerneltui.fleet.snapshot import KernelSnapshot, Target
from kerneltui.fleet.transcript import Transcript
from kerneltui.fleet.transport import Transport, choose_transport
from kerneltui.fleet.usage import UsageSampler
from kerneltui.kernels.family import descendants
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.multi import MultiKernelManager
from kerneltui.kernels.process import describe_process, outside_group
from kerneltui.protocol.status import (
    ALLOWED,
    Event,
    Exited,
    KernelState,
    Reported,
    Spawned,
)
from kerneltui.protocol.text import clean_line

QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
"""Keeps a debugger's warning out of the first output of every Python kernel."""


@dataclass(frozen=True, slots=True)
class SpecChoice:
    """A kernelspec that can be started; its texts have passed the gate."""

    name: str
    display_name: str
    language: str


@dataclass(slots=True)
class _Row:
    """What the fleet itself knows of a kernel. A field is rebound, in whatever thread learns it."""

    name: str
    cwd: str
    manager: KernelManager | None = None
    identity: ProcessIdentity | None = None
    """Of its latest process."""
    pending: tuple[str, float] | None = None
    """The order under way, and since when."""
    log: KernelLog | None = None
    tree: ProcessTree = field(default_factory=ProcessTree)


class Fleet:
    """Everything alive. Verbs block; whatever is published can be read in any thread.

    The kernels live on when the fleet is closed.
    """

    def __init__(
        self, *, transport: Transport = "auto", limits: Limits = USUAL, locked: bool = False
    ) -> None:
        self._transport: Transport = transport
        self._kernels = MultiKernelManager(
            autorestart=False, kernel_manager_factory=self._new_manager
        )
        self._board = NoticeBoard()
        self._monitor = KernelMonitor(self._heed, self._publish, limits)
        self._usage = UsageSampler(self._living_pids, self._publish)
        self.console = Console(
            self._manager_of, self._monitor.record, self._monitor.note, self._monitor.message_log
        )
        self._rows: dict[str, _Row] = {}
        self._lock = threading.Lock()
        self._snapshots: tuple[KernelSnapshot, ...] = ()
        self.locked = locked

    def open(self) -> None:
        """Start listening."""
        self._board.open()
        self._monitor.start()
        self._usage.start()
        self.console.start()

    def close(self) -> None:
        """Stop listening; the kernels do not notice."""
        self.console.stop()
        self._usage.stop()
        self._monitor.stop()
        self._board.close()

    # -- what is true now ----

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """All kernels in the order of their start. The same tuple until something changes."""
        return self._snapshots

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
        kernel_id = self._kernels.new_kernel_id()
        with self._lock:
            self._rows[kernel_id] = _Row(name or self._free_name(kernel_name), cwd)
        try:
            self._kernels.start_kernel(
                kernel_name,
                kernel_id=kernel_id,
                cwd=cwd or None,
                env=QUIET | os.environ,
                independent=True,
            )
        except BaseException:
            self._forget(kernel_id)
            raise
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
        with self._order(self._row(target), "restarting"):
            self._kernels.restart_kernel(target.kernel_id, now=now)
        return ""

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
                for kernel_id in set(running) - set(self._kernels.list_kernel_ids()):
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

    def _row(self, target: Target) -> _Row:
        """Return the row that is meant. Raises ActionRefused where it has another process."""
        row = self._rows.get(target.kernel_id)
        if row is None:
            raise ActionRefused(f"{target.name} is gone; nothing was done")
        if row.identity != target.identity:
            raise ActionRefused(f"{target.name} has another process by now; nothing was done")
        return row

    @contextlib.contextmanager
    def _order(self, row: _Row, word: str) -> Iterator[None]:
        """Show the order in the row while it is carried out."""
        row.pending = mine = (word, time.monotonic())
        self._publish()
        try:
            yield
        finally:
            if row.pending is mine:  # no stronger order has taken over
                row.pending = None
            self._publish()

    # -- making and forgetting ----

    def _manager_of(self, kernel_id: str) -> KernelManager:
        """Return a kernel's manager, from before its launch on. Raises NoSuchKernel."""
        row = self._rows.get(kernel_id)
        if row is None or row.manager is None:
            raise NoSuchKernel(f"no kernel with id {kernel_id!r}", kernel_id)
        return row.manager

    def _new_manager(self, **arguments: Any) -> KernelManager:
        manager = KernelManager(**arguments, **choose_transport(arguments, self._transport))
        row = self._rows[manager.kernel_id]
        row.manager, row.log = manager, KernelLog(manager)
        self._monitor.attend(manager)
        return manager

    def _heed(self, manager: KernelManager, event: Event) -> None:
        """Take note of what happens to a kernel, in the thread where it does."""
        row = self._rows.get(manager.kernel_id)
        if row is None or isinstance(event, Reported):  # of reports the monitor tells together
            return
        if row.log is not None:
            row.log.heed(event)
        match event:
            case Spawned():
                assert manager.process is not None
                row.identity = manager.process.identity
                self.console.forget(manager.kernel_id, f"{manager.describe()} was started again")
                self.console.greet(manager.kernel_id)
            case Exited(reason=reason):
                self.console.forget(manager.kernel_id, f"{manager.describe()} is gone")
                if reason:
                    text = clean_line(f"{row.name}: {reason}", NOTICE_WIDTH)
                    self._board.post(Notice("error", text, manager.kernel_id))
        self._publish()

    def _note(self, kernel_id: str, text: str) -> None:
        """Add an event to a kernel's log."""
        row = self._rows.get(kernel_id)
        if row is not None and row.log is not None:
            row.log.note(text)

    def _free_name(self, kernel_name: str) -> str:
        taken = {row.name for row in self._rows.values()}
        numbers = (f"{kernel_name}-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in numbers if name not in taken)

    def _forget(self, kernel_id: str) -> None:
        with self._lock:
            self._rows.pop(kernel_id, None)
        self._monitor.dismiss(kernel_id)
        self.console.forget(kernel_id, "the kernel was dismissed")
        self._publish()

    # -- publishing; in any thread ----

    def _living_pids(self) -> Mapping[str, int]:
        return {
            shown.kernel_id: shown.pid
            for shown in self._snapshots
            if shown.pid is not None and shown.state is not KernelState.DEAD
        }

    def _publish(self) -> None:
        with self._lock:
            found = tuple(
                self._snapshot(row, row.manager)
                for row in tuple(self._rows.values())
                if row.manager is not None and row.identity is not None
            )
            if found != self._snapshots:
                self._snapshots = found

    def _snapshot(self, row: _Row, manager: KernelManager) -> KernelSnapshot:
        kernel_id, status = manager.kernel_id, manager.status
        heard = self._monitor.heard(kernel_id)
        word, since = row.pending or ("", None)
        is_running = status.state is KernelState.BUSY and status.running == heard.request
        return KernelSnapshot(
            kernel_id=kernel_id,
            name=clean_line(row.name),
            kernel_name=manager.kernel_name,
            state=status.state,
            allowed=ALLOWED[status.state],
            identity=row.identity,
            returncode=status.returncode,
            reason=clean_line(status.reason),
            pending=word,
            pending_since=since,
            usage=None if status.exited else self._usage.usage.get(kernel_id),
            started_at=manager.life.spawned_at or None,
            last_activity=heard.last_activity,
            executions=heard.executions,
            code=heard.code if is_running else "",
            cwd=clean_line(row.cwd),
            connection_file=manager.connection_file,
            refused=heard.refused,
        )
