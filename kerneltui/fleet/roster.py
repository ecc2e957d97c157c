"""Roster: the kernels that there are, with what keeps track of each, and their snapshots."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kerneltui.errors import ActionRefused, KernelError, NoSuchKernel
from kerneltui.fleet.console import Console
from kerneltui.fleet.guard import Guard
from kerneltui.fleet.heirs import Heirs
from kerneltui.fleet.held_interpreters import HeldInterpreters
from kerneltui.fleet.inquiry import SILENCE, Inquiry
from kerneltui.fleet.kernel_log import KernelLog
from kerneltui.fleet.kind import Kind
from kerneltui.fleet.ledger import CannotNote, Ledger
from kerneltui.fleet.legacy import Legacy
from kerneltui.fleet.limits import Limits
from kerneltui.fleet.long_busy import LongBusy
from kerneltui.fleet.lookout import Lookout
from kerneltui.fleet.manifest import RESTARTING, Manifest, read_manifest
from kerneltui.fleet.monitor import KernelMonitor
from kerneltui.fleet.notices import NOTICE_WIDTH, Notice, NoticeBoard
from kerneltui.fleet.recorder_start import ensure_recorder, recorder_problem
from kerneltui.fleet.recording import remove_recording
from kerneltui.fleet.row import Row, snapshot_of
from kerneltui.fleet.server_watch import ServerWatch
from kerneltui.fleet.snapshot import KernelSnapshot
from kerneltui.fleet.strangers import Strangers
from kerneltui.fleet.transport import Transport, choose_transport
from kerneltui.fleet.usage import UsageSampler
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.multi import MultiKernelManager
from kerneltui.kernels.process import describe_process
from kerneltui.kernels.stopping import family_of
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import (
    Engaged,
    Event,
    Exited,
    HandedOver,
    KernelState,
    Reported,
    Spawned,
)
from kerneltui.protocol.text import clean_line

RECORDER_INTERVAL = 10.0  # seconds between two looks whether there is a recorder


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
            self._manager_of,
            self._monitor.record,
            self._monitor.note,
            self._monitor.message_log,
            self._is_served,
        )
        self._folder = folder = runtime_folder()
        self._recorder_due, self._recorder_problem = 0.0, ""
        legacy = Legacy(self, self._kernels, transport)
        self._ledger = Ledger(folder, legacy.follow, self.warn, Heirs().find)
        self._strangers = Strangers(self, self._ledger, self._kernels.kernel_spec_manager)
        self._servers = ServerWatch(self._publish)
        self._inquiry = Inquiry("kernel_info_request")
        self._held = HeldInterpreters()
        self._long_busy = LongBusy()
        self._guard = Guard(folder, self._ledger, self.warn)
        self._lookout = Lookout(
            (
                self._ask_unheard,
                self._ask_long_busy,
                self._ask_held,
                self._follow_manifests,
                self._follow_servers,
                self._follow_guarded,
                self._follow_strangers,
                self._look_after_files,
                self._look_after_recorder,
            ),
            around=self._at_once,
        )
        self.rows: dict[str, Row] = {}
        """By kernel id, in the order in which they came."""
        self._lock = threading.Lock()
        self._busy_thread: int | None = None
        """The one that is about to publish all that it does."""
        self._to_greet: list[str] = []
        """Kernels that this one has begun to listen to."""
        self._snapshots: tuple[KernelSnapshot, ...] = ()

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """All kernels: ours, then others', each in the order of their start, then mere files.

        The same tuple until something changes.
        """
        return self._snapshots

    @contextlib.contextmanager
    def _at_once(self) -> Iterator[None]:
        """Publish but once what this thread does meanwhile, at its end."""
        self._busy_thread = threading.get_ident()
        try:
            yield
        finally:
            self._busy_thread = None
            self._publish()
            while self._to_greet:  # only now: to greet hundreds takes its time
                self.console.greet(self._to_greet.pop(0))

    def _look_around(self) -> None:
        """See what others have done on this host. In the discovery thread."""
        self._lookout.look()

    def _ask_unheard(self) -> None:
        unheard = [  # before others come: those have just been asked on the shell
            row.manager
            for row in tuple(self.rows.values())
            if row.manager is not None
            and row.manager.status.state is KernelState.UNKNOWN
            and row.may_be_asked
        ]
        for manager, spawns, _ in self._inquiry.look(unheard):
            manager.life.advance(Engaged(), spawns)

    def _ask_long_busy(self) -> None:
        others = [  # of what we run ourselves the reply will tell that it is over
            row.manager
            for kernel_id, row in tuple(self.rows.items())
            if row.manager is not None and row.may_be_asked and kernel_id not in self.console.queued
        ]
        for manager in self._long_busy.look(others, time.monotonic()):
            self.console.resolve_doubt(manager.kernel_id)

    def _ask_held(self) -> None:
        self._held.look({} if self.console.locked else self.rows, self._usage.usage)

    def _follow_manifests(self) -> None:
        self._ledger.look()

    def _follow_guarded(self) -> None:
        self._guard.look(self.rows)

    def _follow_strangers(self) -> None:
        self._strangers.look(self._servers)

    def _look_after_recorder(self) -> None:
        if time.monotonic() >= self._recorder_due and any(
            map(_is_alive, tuple(self.rows.values()))
        ):
            self._have_recorded()

    def _follow_servers(self) -> None:
        """Find out which process serves those of our kernels that have spoken."""
        for row in tuple(self.rows.values()):
            if row.is_ours and row.manager is not None and row.manager.status.heard:
                row.manager.follow_server()

    def _look_after_files(self) -> None:
        """See which leftovers have ended, and whose connection file is gone."""
        for row in tuple(self.rows.values()):
            if row.leftovers:
                row.leftovers = tuple(each for each in row.leftovers if each.is_alive())
            if row.manager is not None:
                row.is_file_gone = not Path(row.manager.connection_file).exists()

    def _have_recorded(self) -> None:
        """See to it that there is a recorder; what it says is wrong is told."""
        self._recorder_due = time.monotonic() + RECORDER_INTERVAL
        try:
            ensure_recorder(self._folder)
            problem = recorder_problem(self._folder)
        except OSError as error:
            problem = f"there is no recorder of what kernels say unwatched: {error.strerror}"
        if problem != self._recorder_problem:
            self._recorder_problem = problem
            if problem:
                self.warn(problem)

    @contextlib.contextmanager
    def _order(self, row: Row, word: str, *, is_urgent: bool = False) -> Iterator[None]:
        """Show the order in the row while it is carried out, and let nobody else give one.

        In the manifest it stays with a process that it has ended: others may notice that later.
        `is_urgent`: carried out though another process gives the kernel an order. Raises
        ActionRefused where another dashboard has given the kernel another process.
        """
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._noted(row, word))
            except ActionRefused:
                if not is_urgent or not _is_alive(row):
                    raise
            row.pending = mine = (word, time.monotonic())
            self._publish()
            try:
                yield
            finally:
                if row.pending is mine:  # no stronger order has taken over
                    row.pending = None
                self._publish()

    @contextlib.contextmanager
    def _noted(self, row: Row, word: str) -> Iterator[None]:
        """Have an order in the manifest, and the space to note what came of it."""
        manifest = row.manifest
        if manifest is None:
            yield
            return
        changes: dict[str, Any] = {"order": word}
        if word == RESTARTING and row.manager is not None:
            changes["argv"] = tuple(row.manager.next_command())
        with self._ledger.hold(manifest):
            try:
                self._rewrite(row, partial(self._ledger.amend, **changes))
                self._ledger.reserve(manifest)
            except CannotNote:
                if word == RESTARTING:  # nothing need be known after an end
                    raise
            try:
                yield
            finally:
                if row.identity is None or row.identity.is_alive():
                    with contextlib.suppress(ActionRefused):
                        self._rewrite(row, partial(self._ledger.amend, order=""))

    def _rewrite(self, row: Row, change: Callable[[Manifest], Manifest]) -> None:
        """Change a row's manifest; one that was dismissed meanwhile stays removed."""
        manifest = row.manifest
        if manifest is None or self.rows.get(manifest.kernel_id) is not row:
            return
        row.manifest = change(manifest)

    def _complete(self, row: Row, manager: KernelManager) -> None:
        """Note which process serves a kernel of ours, for who comes after us."""
        process = manager.process
        assert process is not None, "what was launched here is seen"
        mode = manager.kernel_spec.interrupt_mode
        self._rewrite(
            row,
            lambda manifest: self._ledger.complete(
                manifest, process.identity, process.launched, mode
            ),
        )

    def take_over_policy(self, row: Row) -> None:
        """Read what another dashboard has decided of a kernel of ours."""
        with contextlib.suppress(KernelError):
            self._rewrite(
                row, lambda known: replace(known, autorestart=read_manifest(known.path).autorestart)
            )

    # -- making and forgetting ----

    def _manager_of(self, kernel_id: str) -> KernelManager:
        """Return a kernel's manager, from before its launch on. Raises NoSuchKernel."""
        row = self.rows.get(kernel_id)
        if row is None or row.manager is None:
            raise NoSuchKernel(f"no kernel with id {kernel_id!r}", kernel_id)
        return row.manager

    def _is_served(self, kernel_id: str) -> bool:
        row = self.rows.get(kernel_id)
        return row is not None and row.kind is Kind.SERVED

    def _new_manager(self, **arguments: Any) -> KernelManager:
        manager = KernelManager(**arguments, **choose_transport(arguments, self._transport))
        self._follow(self.rows[manager.kernel_id], manager)
        self._monitor.attend(manager)
        return manager

    def _follow(self, row: Row, manager: KernelManager) -> None:
        """Have `manager` in a row that nobody sees yet."""
        row.manager, row.log = manager, KernelLog(manager)
        manager.around_restart = partial(self._order, row, RESTARTING)

    def admit(
        self,
        kernel_id: str,
        row: Row,
        manager: KernelManager | None,
        instead_of: Row | None = None,
    ) -> bool:
        """Take in a kernel that was not started here; listen to it from its next process on.

        `instead_of`: the row that it replaces. Returns False where it has another row by now.
        """
        if manager is not None:
            self._follow(row, manager)
        with self._lock:
            if self.rows.get(kernel_id) is not instead_of:
                return False
            self.rows[kernel_id] = row
        if instead_of is not None:
            self._unfollow(kernel_id)
        if manager is not None:
            self._monitor.attend(manager)
        return True

    def _unfollow(self, kernel_id: str) -> None:
        self._monitor.dismiss(kernel_id)
        self.console.forget(kernel_id, "the kernel was dismissed")

    def warn(self, text: str) -> None:
        self._board.post(Notice("warning", clean_line(text, NOTICE_WIDTH)))

    def note(self, kernel_id: str, text: str) -> None:
        """Add an event to a kernel's log."""
        row = self.rows.get(kernel_id)
        if row is not None and row.log is not None:
            row.log.note(text)

    def _heed(self, manager: KernelManager, event: Event) -> None:
        """Take note of what happens to a kernel, in the thread where it does."""
        row = self.rows.get(manager.kernel_id)
        if row is None:
            return
        if isinstance(event, Reported):  # of what changed by reports the monitor tells together
            if manager.status.is_doubtful and row.may_be_asked:
                self.console.resolve_doubt(manager.kernel_id)
            return
        if row.log is not None:
            row.log.heed(event)
        match event:
            case Spawned(adopted):
                self._note_process(row, manager, is_kept=adopted)
                self._note_start(row, manager)
            case HandedOver():
                self._note_process(row, manager)
            case Exited(reason=reason):
                self._note_end(row, manager, reason)
        self._publish()

    def _note_process(self, row: Row, manager: KernelManager, *, is_kept: bool = False) -> None:
        """Take over which process serves a kernel. `is_kept`: its manifest says so already."""
        row.identity = manager.process.identity if manager.process else None
        if not is_kept:
            self._complete(row, manager)

    def _note_start(self, row: Row, manager: KernelManager) -> None:
        row.was_alive, row.has_answered = manager.is_alive(), False
        self.console.forget(manager.kernel_id, f"{manager.describe()} was started again")
        if row.may_be_asked:
            self.greet(manager.kernel_id)

    def _note_end(self, row: Row, manager: KernelManager, reason: str) -> None:
        self.console.forget(manager.kernel_id, f"{manager.describe()} is gone")
        if reason and not self._is_expected(row):
            text = clean_line(f"{row.name}: {reason}", NOTICE_WIDTH)
            self._board.post(Notice("error", text, manager.kernel_id))
        if reason:
            self.note_leftovers(row)

    def note_leftovers(self, row: Row) -> None:
        """Take note of what a kernel of ours that has ended has left."""
        process = row.manager.process if row.manager else None
        if process is not None and row.is_ours:
            row.leftovers = tuple(each for each in family_of(process) if each.is_alive())
            if row.leftovers and row.log is not None:
                row.log.note(f"left {', '.join(map(describe_process, row.leftovers))}")

    def greet(self, kernel_id: str) -> None:
        """Have a kernel say that it is idle."""
        if self._busy_thread == threading.get_ident():
            self._to_greet.append(kernel_id)
        else:
            self.console.greet(kernel_id)

    def _is_expected(self, row: Row) -> bool:
        """Tell whether the end of a process is no news: somebody else has ordered it."""
        if row.manifest is None:
            return not row.is_ours
        return self._ledger.is_ordered(row.manifest, row.identity)

    def _forget(self, kernel_id: str) -> str:
        """Dismiss a kernel, for other dashboards as well.

        Returns why its files stay, "" where they are gone; then it comes back as a dead one.
        """
        problem = ""
        with self._lock:
            row = self.rows.get(kernel_id)
            if row is not None and row.manifest is not None:
                try:
                    self._ledger.remove(row.manifest)  # first: who misses the row finds no files
                    remove_recording(row.manifest.connection_file, kernel_id)
                except OSError as error:
                    problem = f"the files of {row.name} cannot be removed: {error.strerror}"
            self.rows.pop(kernel_id, None)
        self.drop(kernel_id)
        return problem

    def drop(self, kernel_id: str) -> None:
        """Have no row for a kernel any more."""
        with self._lock:
            self.rows.pop(kernel_id, None)
        with contextlib.suppress(NoSuchKernel):
            self._kernels.remove_kernel(kernel_id)
        self._unfollow(kernel_id)
        self._publish()

    # -- publishing; in any thread ----

    def _living_pids(self) -> Mapping[str, int]:
        return {
            shown.kernel_id: shown.pid
            for shown in self._snapshots
            if shown.pid is not None and shown.state is not KernelState.DEAD
        }

    def _publish(self) -> None:
        if self._busy_thread == threading.get_ident():
            return
        with self._lock:
            shown = [(kernel_id, row) for kernel_id, row in self.rows.items() if row.is_there]
            shown.sort(key=lambda each: each[1].rank)
            snapshots = tuple(self._snapshot(kernel_id, row) for kernel_id, row in shown)
            if snapshots != self._snapshots:
                self._snapshots = snapshots

    def _snapshot(self, kernel_id: str, row: Row) -> KernelSnapshot:
        usage = self._usage.usage.get(kernel_id)
        return snapshot_of(
            row,
            kernel_id,
            self._monitor.heard(kernel_id),
            usage,
            is_silent=self._is_silent(row, kernel_id, time.monotonic()),
        )

    def _is_silent(self, row: Row, kernel_id: str, now: float) -> bool:
        """Tell whether a kernel has had the time to answer, and did not.

        One that holds its interpreter may not even get out that it is busy.
        """
        if row.manager is None:
            return False
        status = row.manager.status
        if not status.heard:
            return self._inquiry.is_silent(row.manager, now)
        if self._held.is_silent(row.manager):
            return True
        sent_at = self.console.waiting.get(kernel_id, now)
        return status.state is KernelState.IDLE and now - sent_at > SILENCE


def _is_alive(row: Row) -> bool:
    """Tell whether a row is of a living kernel of ours."""
    return row.manifest is not None and row.manager is not None and row.manager.is_alive()
