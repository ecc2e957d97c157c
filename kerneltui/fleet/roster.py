"""Roster: the kernels that there are, with what keeps track of each.

Rows come by starting a kernel and by adopting one that another dashboard has left or
started; they go when a kernel is dismissed, here or by another dashboard.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.fleet.adoption import adopt_process, last_seen
from kerneltui.fleet.console import Console
from kerneltui.fleet.kernel_log import KernelLog
from kerneltui.fleet.ledger import Ledger
from kerneltui.fleet.limits import Limits
from kerneltui.fleet.manifest import Manifest
from kerneltui.fleet.monitor import KernelMonitor
from kerneltui.fleet.notices import NOTICE_WIDTH, Notice, NoticeBoard
from kerneltui.fleet.process_tree import ProcessTree
from kerneltui.fleet.snapshot import KernelSnapshot
from kerneltui.fleet.transport import Transport, choose_transport
from kerneltui.fleet.usage import UsageSampler
from kerneltui.kernels.control import ControlRequest
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.multi import MultiKernelManager
from kerneltui.protocol.status import (
    ALLOWED,
    Engaged,
    Event,
    Exited,
    KernelState,
    Reported,
    Spawned,
)
from kerneltui.protocol.text import clean_line

CONTROL_PATIENCE = 0.2  # seconds; one that holds its interpreter stays unknown
PATH_WIDTH = 4096  # characters: Linux's PATH_MAX, for this path is there to be used


@dataclass(slots=True)
class Row:
    """What the fleet itself knows of a kernel. A field is rebound, in whatever thread learns it."""

    name: str
    cwd: str
    manager: KernelManager | None = None
    identity: ProcessIdentity | None = None
    """Of its latest process."""
    pending: tuple[str, float] | None = None
    """The order under way, and since when."""
    log: KernelLog | None = None
    manifest: Manifest | None = None
    environment_lost: bool = False
    """It was dead when it was adopted: a restart has but today's environment."""
    tree: ProcessTree = field(default_factory=ProcessTree)


class Roster:
    """Has the rows, and publishes a snapshot of each."""

    def __init__(self, transport: Transport, limits: Limits) -> None:
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
        self._ledger = Ledger(Path(jupyter_runtime_dir()), self._follow, self._warn)
        self._rows: dict[str, Row] = {}
        self._lock = threading.Lock()
        self._snapshots: tuple[KernelSnapshot, ...] = ()

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """All kernels in the order of their start. The same tuple until something changes."""
        return self._snapshots

    @contextlib.contextmanager
    def _order(self, row: Row, word: str) -> Iterator[None]:
        """Show the order in the row while it is carried out."""
        row.pending = mine = (word, time.monotonic())
        self._rewrite(row, partial(self._ledger.announce, order=word))
        self._publish()
        try:
            yield
        finally:
            if row.pending is mine:  # no stronger order has taken over
                row.pending = None
                self._rewrite(row, partial(self._ledger.announce, order=""))
            self._publish()

    def _rewrite(self, row: Row, change: Callable[[Manifest], Manifest | None]) -> None:
        """Change a row's manifest; one that was dismissed meanwhile stays removed."""
        with self._lock:
            manifest = row.manifest
            if manifest is not None and self._rows.get(manifest.kernel_id) is row:
                row.manifest = change(manifest)

    # -- making and forgetting ----

    def _manager_of(self, kernel_id: str) -> KernelManager:
        """Return a kernel's manager, from before its launch on. Raises NoSuchKernel."""
        row = self._rows.get(kernel_id)
        if row is None or row.manager is None:
            raise NoSuchKernel(f"no kernel with id {kernel_id!r}", kernel_id)
        return row.manager

    def _new_manager(self, **arguments: Any) -> KernelManager:
        manager = KernelManager(**arguments, **choose_transport(arguments, self._transport))
        self._attend(manager)
        return manager

    def _attend(self, manager: KernelManager) -> None:
        row = self._rows[manager.kernel_id]
        row.manager, row.log = manager, KernelLog(manager)
        self._monitor.attend(manager)

    # -- what outlived the dashboard that started it, and what other dashboards do ----

    def _follow(self, manifests: tuple[Manifest, ...]) -> None:
        """Have a row for each manifest, with the process that it names."""
        self._ask_the_silent()
        for manifest in manifests:
            row = self._rows.get(manifest.kernel_id)
            if manifest.identity is None:
                continue  # somebody is about to launch it
            if row is None:
                self._adopt(manifest, manifest.identity)
            elif row.identity != manifest.identity and manifest.identity.is_alive():
                self._adopt_successor(row, manifest, manifest.identity)
        kept = {manifest.kernel_id for manifest in manifests}
        for kernel_id, row in tuple(self._rows.items()):
            is_dismissed = row.manifest is not None and kernel_id not in kept
            if is_dismissed and row.manager is not None and row.manager.status.exited:
                self._drop(kernel_id)

    def _adopt(self, manifest: Manifest, identity: ProcessIdentity) -> None:
        manager = KernelManager(
            kernel_name=manifest.kernel_name,
            kernel_id=manifest.kernel_id,
            kernel_spec_manager=self._kernels.kernel_spec_manager,
        )
        try:
            manager.load_connection_file(manifest.connection_file)
        except KernelError as error:
            self._give_up(manifest, identity, error)
            return
        with self._lock:
            self._rows[manifest.kernel_id] = Row(manifest.name, manifest.cwd, manifest=manifest)
        self._kernels.add_kernel(manager)
        self._attend(manager)
        if not identity.is_alive():
            self._note(manifest.kernel_id, f"last seen alive {last_seen(manifest)}")
        self._rows[manifest.kernel_id].environment_lost = not adopt_process(
            manager, identity, manifest.cwd
        )

    def _ask_the_silent(self) -> None:
        """Learn of kernels that were adopted in the midst of a cell that they are busy."""
        for row in tuple(self._rows.values()):
            manager = row.manager
            if manager is None or manager.status.state is not KernelState.UNKNOWN:
                continue
            spawns = manager.spawns
            with ControlRequest(
                manager.context, manager.connection_info, manager.session, "kernel_info_request", {}
            ) as request:
                if request.reply(CONTROL_PATIENCE) is not None:
                    manager.life.advance(Engaged(), spawns)

    def _give_up(self, manifest: Manifest, identity: ProcessIdentity, why: KernelError) -> None:
        """Tell of a kernel that cannot be had; one that lives may yet be found otherwise."""
        if identity.is_alive():
            self._warn(f"{manifest.name} (pid {identity.pid}) cannot be adopted: {why}")
        else:
            self._warn(f"{manifest.name} died; it was last seen alive {last_seen(manifest)}")
            self._ledger.remove(manifest)

    def _adopt_successor(self, row: Row, manifest: Manifest, identity: ProcessIdentity) -> None:
        """Go on with the process that another dashboard has started in a kernel's place."""
        if row.manager is None or not row.manager.status.exited:
            return  # the exit of the one before is still to be noticed
        row.manifest = manifest
        row.manager.load_connection_file(manifest.connection_file)
        adopt_process(row.manager, identity, manifest.cwd)

    def _warn(self, text: str) -> None:
        self._board.post(Notice("warning", clean_line(text, NOTICE_WIDTH)))

    def _heed(self, manager: KernelManager, event: Event) -> None:
        """Take note of what happens to a kernel, in the thread where it does."""
        row = self._rows.get(manager.kernel_id)
        if row is None or isinstance(event, Reported):  # of reports the monitor tells together
            return
        if row.log is not None:
            row.log.heed(event)
        match event:
            case Spawned(adopted):
                assert manager.process is not None
                row.identity = manager.process.identity
                if not adopted:
                    self._rewrite(row, partial(self._ledger.complete, identity=row.identity))
                self.console.forget(manager.kernel_id, f"{manager.describe()} was started again")
                self.console.greet(manager.kernel_id)
            case Exited(reason=reason):
                self.console.forget(manager.kernel_id, f"{manager.describe()} is gone")
                is_theirs = row.manifest is not None and self._ledger.is_ordered(
                    row.manifest, row.identity
                )
                if reason and not is_theirs:
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
        """Dismiss a kernel, for other dashboards as well."""
        with self._lock:
            row = self._rows.pop(kernel_id, None)
            if row is not None and row.manifest is not None:
                self._ledger.remove(row.manifest)
        self._drop(kernel_id)

    def _drop(self, kernel_id: str) -> None:
        with self._lock:
            self._rows.pop(kernel_id, None)
        with contextlib.suppress(NoSuchKernel):
            self._kernels.remove_kernel(kernel_id)
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

    def _snapshot(self, row: Row, manager: KernelManager) -> KernelSnapshot:
        kernel_id, status = manager.kernel_id, manager.status
        heard = self._monitor.heard(kernel_id)
        word, since = row.pending or ("", None)
        is_running = status.state is KernelState.BUSY and status.running == heard.request
        return KernelSnapshot(
            kernel_id=kernel_id,
            name=clean_line(row.name),
            kernel_name=clean_line(manager.kernel_name),
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
            connection_file=clean_line(manager.connection_file, PATH_WIDTH),
            refused=heard.refused,
        )
