"""Fleet: every kernel, what is true of it now, and the verbs. What a front end is built on."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet import interrupts
from kerneltui.fleet.adoption import environment_differs, todays_environment
from kerneltui.fleet.console import LOCKED
from kerneltui.fleet.handles import Handle, OwnHandle
from kerneltui.fleet.kernel_info import KernelInfo, kernel_info
from kerneltui.fleet.kind import Kind
from kerneltui.fleet.limits import USUAL, Limits
from kerneltui.fleet.logout import logout_warning
from kerneltui.fleet.manifest import RESTARTING, Manifest
from kerneltui.fleet.message_log import MessageLog
from kerneltui.fleet.naming import PATH_WIDTH
from kerneltui.fleet.notices import Notice
from kerneltui.fleet.powers import LOST, refuse_impossible
from kerneltui.fleet.process_tree import ProcessFacts
from kerneltui.fleet.remains import left_by_others
from kerneltui.fleet.roster import Roster
from kerneltui.fleet.row import Row
from kerneltui.fleet.snapshot import Target
from kerneltui.fleet.transcript import Transcript
from kerneltui.fleet.transport import Transport
from kerneltui.kernels.family import descendants
from kerneltui.kernels.process import describe_process, outside_group
from kerneltui.kernels.spec import format_argv
from kerneltui.kernels.thread_room import require_threads
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import KernelState, Verb
from kerneltui.protocol.text import clean_line

THREADS = 16  # of ours and zmq's, and the processes that a start takes: what has to be free
ORDERS_END = 15.0  # seconds for orders under way: longer than any has to end a kernel


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
        """Start listening, and adopt the kernels that an earlier dashboard has left.

        Those that something else has started follow a moment later.
        """
        require_threads(THREADS)
        self._board.open()
        self._monitor.start()
        self._usage.start()
        self.console.start()
        with self._at_once():
            self._ledger.look()
        self._servers.start()
        self._lookout.start()
        if warning := logout_warning():
            self.warn(warning)

    def close(self) -> None:
        """Stop listening; the kernels do not notice.

        Orders to kernels of ours that are under way in other threads come to their end first, and
        what came of them is noted: each is a ladder of steps with a limit.
        """
        self._lookout.stop()
        self._ledger.wait_for_orders(ORDERS_END)
        self._servers.stop()
        self._strangers.close()
        self._inquiry.close()
        self._held.close()
        self._guard.close()
        self._follow_servers()  # who comes next finds in the manifests who the kernels are
        self._ledger.mark_seen()
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
        row = self.rows.get(kernel_id)
        if row is None or row.identity is None or not row.identity.is_alive():
            return ()
        return row.tree.look(row.identity.pid, time.monotonic())

    def log(self, kernel_id: str) -> Transcript | None:
        """Read what is new in a kernel's log, and return all of it. Blocking."""
        row = self.rows.get(kernel_id)
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
        """Return the processes that a signal to the group does not reach, a line each.

        A kill ends them too; of a kernel that has ended, all that it has left.
        """
        row = self._row(target)
        if not row.leftovers:
            self._checked(target)
        if target.identity is None:
            return ()
        pid = target.identity.pid
        found = row.leftovers or outside_group(pid, descendants(pid))
        return tuple(clean_line(describe_process(each)) for each in found)

    def remains(self, target: Target) -> tuple[str, ...]:
        """Return the files that a stale kernel has left, a line each: a shutdown removes them."""
        found = self._row(target).found
        files = [] if found is None else left_by_others(found)
        return tuple(clean_line(str(path), PATH_WIDTH) for path in files)

    # -- verbs: they raise KernelError, and return a sentence worth showing, or "" ----

    def start(
        self, kernel_name: str, *, cwd: str, name: str = "", autorestart: bool = False
    ) -> str:
        """Start a kernel that outlives this process; return its id.

        `autorestart`: a dashboard that is open starts it again where it dies unasked.
        """
        self._permit()
        kernel_id, environment = self._kernels.new_kernel_id(), todays_environment()
        connection_file = str(runtime_folder() / f"kernel-{kernel_id}.json")
        spec = self._kernels.kernel_spec_manager.get_kernel_spec(kernel_name)

        def describe(taken: Collection[str]) -> Manifest:
            names = {*taken, *(row.name for row in tuple(self.rows.values()))}
            return Manifest(
                kernel_id=kernel_id,
                name=_unique(name, kernel_name, names),
                kernel_name=kernel_name,
                connection_file=connection_file,
                cwd=cwd,
                environment=tuple(sorted(environment)),
                started_at=time.time(),
                autorestart=autorestart,
                argv=tuple(format_argv(spec, connection_file=connection_file)),
                interrupt_mode=spec.interrupt_mode,
            )

        with self._ledger.begin(describe) as manifest:
            with self._lock:
                self.rows[kernel_id] = Row(manifest.name, cwd, manifest=manifest)
            self._have_recorded()  # before its first word
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

    def interrupt(self, target: Target, *, anyway: bool = False) -> str:
        """Interrupt what the kernel runs, and tell where that has no effect.

        `anyway`: even where the signal would end the kernel.
        """
        self._permit()
        self._checked(target)
        row, handle = self._row(target), self._handle(target, Verb.INTERRUPT)
        reaction = self._reaction(row)
        if reaction.is_fatal and not anyway:
            raise ActionRefused(f"{interrupts.warning(row.name, reaction)}; nothing was sent")
        running = row.manager.status.running if row.manager else None
        said = handle.interrupt()
        self.note(target.kernel_id, "interrupted")
        if said or row.manager is None:
            return said
        return interrupts.describe_effect(row.name, reaction, row.manager.life, running)

    def interrupt_warning(self, target: Target) -> str:
        """Return what should be known before this kernel is interrupted; "" where nothing."""
        self._checked(target)
        row = self._row(target)
        return interrupts.warning(row.name, self._reaction(row))

    def _reaction(self, row: Row) -> interrupts.Reaction:
        by_message = interrupts.is_by_message(row.kind, row.manager)
        pid = row.identity.pid if row.identity else None
        return interrupts.read_reaction(pid, by_message=by_message)

    def signal(self, target: Target, signum: int) -> str:
        self._permit()
        self._checked(target)
        row, handle = self._row(target), self._handle(target, Verb.SIGNAL)
        # To other dashboards as well it is a kill, after which nobody restarts the kernel.
        is_kill = signum == signal.SIGKILL
        with self._order(row, "killing", is_urgent=True) if is_kill else contextlib.nullcontext():
            said = handle.signal(signum)
        self.note(target.kernel_id, f"sent signal {signum}")
        return said

    def restart(self, target: Target, *, now: bool = False) -> str:
        """Restart, after a death as well."""
        self._permit()
        row, handle = self._row(target), self._handle(target, Verb.RESTART)
        if row.manifest is not None:
            self._have_recorded()
        with self._order(row, RESTARTING):
            said = handle.restart(now=now)
        return said or self._note_environment(row)

    def _note_environment(self, row: Row) -> str:
        """Return how the environment differs that a kernel was restarted with, if it may."""
        if not row.environment_lost or row.manifest is None:
            return ""
        row.environment_lost = False
        differs = environment_differs(row.manifest.environment, todays_environment())
        return f"{row.name} has today's environment: {differs}" if differs else ""

    def toggle_autorestart(self, target: Target) -> str:
        """Have a kernel of ours started again where it dies unasked, or no more."""
        self._permit()
        row = self._row(target)
        if row.manifest is None:
            raise ActionRefused(f"{row.name} is not kerneltui's: {LOST}")
        wanted = not row.manifest.autorestart
        self._rewrite(row, partial(self._ledger.amend, autorestart=wanted))
        self._publish()
        does = "is started again" if wanted else "stays dead"
        return f"{row.name} {does} where it dies by itself"

    def shutdown(self, target: Target) -> str:
        """Shut down and dismiss the row; of a dead kernel only the row is left to dismiss."""
        self._permit()
        row, handle = self._row(target), self._handle(target, Verb.SHUTDOWN)
        _refuse_died_meanwhile(row, target)
        with self._order(row, "stopping"):
            said = handle.shutdown()
            if row.kind is Kind.REMAINS:
                self.drop(target.kernel_id)
            elif row.is_ours and target.kernel_id not in self._kernels:  # else it was restarted
                problem = self._forget(target.kernel_id)  # while nobody else can start it again
                said = "; ".join(filter(None, (said, problem)))
        return said

    def kill(self, target: Target) -> str:
        """SIGKILL the kernel and all its descendants; the row stays, to restart or dismiss it."""
        self._permit()
        row, handle = self._row(target), self._handle(target, Verb.KILL)
        if not row.leftovers:
            self._checked(target)
        with self._order(row, "killing", is_urgent=True):
            return handle.kill()

    def verify(self, target: Target) -> str:
        """Ask a kernel whether it answers; a server takes note of what is asked of its kernels."""
        self._permit()
        self._checked(target)
        said = self._handle(target, Verb.VERIFY).verify()
        self._row(target).has_answered = True
        self._publish()
        return said

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str:
        """Shut kernels of ours down at once, all of them or `targets`; others' are left alone."""
        self._permit()
        chosen, told = self._still_meant(targets)
        with contextlib.ExitStack() as orders:
            for kernel_id in chosen:
                try:
                    orders.enter_context(self._order(self.rows[kernel_id], "stopping"))
                except KeyError:  # it was dismissed meanwhile
                    continue
                except ActionRefused as error:
                    told.append(str(error))
                    self.drop(kernel_id)  # to be adopted again, as what it is by now
            try:
                if targets is None:  # those that are being started as well
                    self._kernels.shutdown_all()
                else:
                    self._kernels.shutdown_kernels(chosen)
            except ExceptionGroup as group:
                raise KernelError("; ".join(map(str, group.exceptions))) from None
            finally:
                for kernel_id, row in tuple(self.rows.items()):
                    is_over = row.manager is not None and row.manager.status.exited
                    if row.is_ours and is_over and kernel_id not in self._kernels:
                        told.append(self._forget(kernel_id))
        return "; ".join(filter(None, told))

    def _still_meant(self, targets: Collection[Target] | None) -> tuple[list[str], list[str]]:
        """Return the ids of the kernels that are meant, and why others are not any more."""
        if targets is None:
            return self._kernels.list_kernel_ids(), []
        chosen, refused = [], []
        for target in targets:
            try:
                _refuse_died_meanwhile(self._row(target), target)
                chosen.append(target.kernel_id)
            except ActionRefused as error:
                refused.append(str(error))
        return chosen, refused

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

    def _handle(self, target: Target, verb: Verb) -> Handle:
        """Return what carries out `verb` on the kernel that is meant.

        Raises ActionRefused where nothing can.
        """
        row = self._row(target)
        refuse_impossible(row.kind, verb, row.name)
        if row.found is None:
            return OwnHandle(self._kernels, target.kernel_id, row.name)
        return self._strangers.handle(row, row.found)

    def _checked(self, target: Target) -> None:
        """Raise ActionRefused where the process that is meant is gone."""
        self._row(target)
        if target.identity is not None and not target.identity.is_alive():
            raise ActionRefused(f"{target.name} is not running")

    def _row(self, target: Target) -> Row:
        """Return the row that is meant. Raises ActionRefused where it has another process."""
        row = self.rows.get(target.kernel_id)
        if row is None:
            raise ActionRefused(f"{target.name} is gone; nothing was done")
        if row.identity != target.identity:
            raise ActionRefused(f"{target.name} was restarted meanwhile; nothing was done")
        return row


def _refuse_died_meanwhile(row: Row, target: Target) -> None:
    has_died = row.manager is not None and row.manager.status.state is KernelState.DEAD
    if has_died and not target.was_dead:
        raise ActionRefused(
            f"{target.name} has died meanwhile; its output and log were kept, and another "
            "shutdown removes them"
        )


def _unique(wanted: str, kernel_name: str, taken: Collection[str]) -> str:
    """Return the name that is wanted, else one that is free. Raises ActionRefused."""
    if wanted in taken:
        raise ActionRefused(f"a kernel is called {wanted} already")
    numbers = (f"{kernel_name}-{number}" for number in range(1, len(taken) + 2))
    return wanted or next(name for name in numbers if name not in taken)
