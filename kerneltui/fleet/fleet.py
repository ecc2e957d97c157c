"""Fleet: every kernel, what is true of it now, and the verbs. What a front end is built on."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.console import LOCKED
from kerneltui.fleet.control import interrupts
from kerneltui.fleet.control.controllers import KernelController, OwnController
from kerneltui.fleet.control.stale_files import left_by_others
from kerneltui.fleet.discovery.naming import PATH_WIDTH
from kerneltui.fleet.inspection.kernel_info import KernelInfo, kernel_info
from kerneltui.fleet.inspection.logind import logout_warning
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.inspection.usage import UsageSampler
from kerneltui.fleet.manifests.adoption import environment_differs, todays_environment
from kerneltui.fleet.manifests.manifest import RESTARTING, Manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.model.capabilities import LOST, refuse_impossible
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.retention import USUAL, Limits
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.reconcile.autorestart import AutoRestarter
from kerneltui.fleet.reconcile.external import ExternalKernels
from kerneltui.fleet.reconcile.heirs import Heirs
from kerneltui.fleet.reconcile.own import OwnKernels
from kerneltui.fleet.reconcile.status_checks import StatusChecks
from kerneltui.fleet.recording.start import RecorderStarter
from kerneltui.fleet.registry.notices import Notice, NoticeBoard
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel, snapshot_of
from kerneltui.fleet.registry.tracker import Tracker
from kerneltui.fleet.servers.poller import ServerWatch
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.fleet.transcript.transcript import Transcript
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.transport import Transport, choose_transport
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.process import describe_process, outside_group
from kerneltui.kernels.processes.thread_room import require_threads
from kerneltui.kernels.processes.tree import descendants
from kerneltui.kernels.specs.spec_manager import format_argv
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import KernelState, Verb
from kerneltui.protocol.text import clean_line

THREADS = 16  # of ours and zmq's, and the processes that a start takes: what has to be free
SERVER_TIME = 0.2  # seconds for a Jupyter server to list its kernels to an observer
ORDERS_END = 15.0  # seconds for orders under way: longer than any has to end a kernel


@frozen
class SpecChoice:
    """A kernelspec that can be started; its texts have passed the gate."""

    name: str
    display_name: str
    language: str


class Fleet:
    """Everything alive. Verbs block; whatever is published can be read in any thread.

    The kernels live on when the fleet is closed.
    """

    def __init__(
        self, *, transport: Transport = "auto", limits: Limits = USUAL, locked: bool = False
    ) -> None:
        folder, warn = runtime_folder(), self.warn
        self._transport: Transport = transport
        self._board = NoticeBoard()
        self._kernels = kernels = MultiKernelManager(
            autorestart=False, kernel_manager_factory=self._new_manager
        )
        self.registry = registry = KernelRegistry(self._snapshot)
        self._manifests = store = ManifestStore(folder, warn, Heirs().find)
        self._tracker = tracker = Tracker(registry, store, kernels, self._board, limits)
        self._orders = tracker.orders
        self._monitor, self.console = tracker.monitor, tracker.console
        self._own = OwnKernels(registry, tracker, store, kernels, transport, warn)
        self._external = ExternalKernels(
            registry, tracker, store, kernels.kernel_spec_manager, warn
        )
        self._autorestarter = AutoRestarter(folder, registry, tracker.orders, warn)
        self._checks = StatusChecks(registry, tracker.console)
        self._recorder = RecorderStarter(folder, warn)
        self._servers = ServerWatch(registry.publish)
        self._usage = UsageSampler(self._living_pids, registry.publish)
        self._discovery_thread = PeriodicThread(
            (
                self._ask,
                self._own.look,
                self._own.follow_servers,
                self._autorestarter.look,
                self._follow_others,
                tracker.look_after_files,
                self._look_after_recorder,
                registry.publish,
            )
        )
        self._is_observer = False
        self.locked = locked

    def open(self) -> None:
        """Start listening, and adopt the kernels that an earlier dashboard has left.

        Those that something else has started follow a moment later.
        """
        require_threads(THREADS)
        self._board.open()
        self._tracker.start()
        self._usage.start()
        self._own.look()
        self._servers.start()
        self._discovery_thread.start()
        if warning := logout_warning():
            self.warn(warning)

    def observe(self, *, listening: bool = False) -> None:
        """Look at this host once, in place of `open`: for one command.

        Nothing is recorded or restarted, no periodic thread is started, and `look` sees what has
        changed since. `listening`: kernels are heard, as who waits for one to be ready has to.
        """
        self._is_observer = True
        self._board.open()
        if listening:
            require_threads(THREADS)
            self._tracker.start()
        self.look()

    def close(self) -> None:
        """Stop listening; the kernels do not notice.

        Orders to kernels of ours that are under way in other threads come to their end first, and
        what came of them is noted: each is a ladder of steps with a limit.
        """
        self._discovery_thread.stop()
        self._manifests.wait_for_orders(ORDERS_END)
        self._servers.stop()
        self._external.close()
        self._checks.close()
        self._autorestarter.close()
        self._own.follow_servers()  # who comes next finds in the manifests who the kernels are
        self._manifests.mark_seen()
        self._usage.stop()
        self._tracker.stop()
        self._board.close()

    def look(self) -> None:
        """See what others have done on this host, as the discovery thread does."""
        if not self._is_observer:
            self._discovery_thread.look()
            return
        self._tracker.record_exits()
        self._own.look()
        self._external.look_once(SERVER_TIME)
        self.registry.publish()

    def _ask(self) -> None:
        self._checks.look(self._usage.usage)

    def _follow_others(self) -> None:
        self._external.look(self._servers)

    def _look_after_recorder(self) -> None:
        kernels = self.registry.all()
        self._recorder.look(is_wanted=any(each.manifest and each.is_alive for each in kernels))

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """All kernels: ours, then others', each in the order of their start, then mere files.

        The same tuple until something changes.
        """
        return self.registry.snapshots

    # -- what is true now ----

    def transcript(self, kernel_id: str) -> Transcript | None:
        return self._monitor.transcript(kernel_id)

    def message_log(self, kernel_id: str) -> MessageLog | None:
        """Return what was heard of a kernel and what our clients said to it, as messages."""
        return self._monitor.message_log(kernel_id)

    def info(self, kernel_id: str) -> KernelInfo:
        """Look up what a kernel was started with. Blocking. Raises NoSuchKernel."""
        log = self._monitor.message_log(kernel_id)
        return kernel_info(self._tracker.manager_of(kernel_id), log.kernel_info if log else {})

    def processes(self, kernel_id: str) -> tuple[ProcessFacts, ...]:
        """Look at a kernel's processes, none once it is gone. Blocking."""
        kernel = self.registry.get(kernel_id)
        if kernel is None or kernel.identity is None or not kernel.identity.is_alive():
            return ()
        return kernel.tree.look(kernel.identity.pid, time.monotonic())

    def log(self, kernel_id: str) -> Transcript | None:
        """Read what is new in a kernel's log, and return all of it. Blocking."""
        kernel = self.registry.get(kernel_id)
        return kernel.log.look() if kernel and kernel.log else None

    def mark(self, kernel_id: str) -> None:
        """Draw a line below what a kernel has said so far."""
        self._monitor.note(kernel_id, f"──────── {time.strftime('%H:%M:%S')} ────────")

    def warn(self, text: str) -> None:
        self._board.warn(text)

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
        kernel = self._tracked(target)
        if not kernel.leftovers:
            self._checked(target)
        if target.identity is None:
            return ()
        pid = target.identity.pid
        found = kernel.leftovers or outside_group(pid, descendants(pid))
        return tuple(clean_line(describe_process(each)) for each in found)

    def stale_files(self, target: Target) -> tuple[str, ...]:
        """Return the files that a stale kernel has left, a line each: a shutdown removes them."""
        found = self._tracked(target).found
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
            names = {*taken, *(kernel.name for kernel in self.registry.all())}
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

        with self._manifests.begin(describe) as manifest:
            self.registry.admit(TrackedKernel(kernel_id, manifest.name, cwd, manifest=manifest))
            self._recorder.ensure()  # before its first word
            try:
                self._kernels.start_kernel(
                    kernel_name,
                    kernel_id=kernel_id,
                    cwd=cwd or None,
                    env=environment,
                    independent=True,
                )
            except BaseException:
                self._tracker.forget(kernel_id)
                raise
            if kernel_id not in self._kernels:  # all have been shut down meanwhile
                self._tracker.forget(kernel_id)
        self.registry.publish()
        return kernel_id

    def interrupt(self, target: Target, *, anyway: bool = False) -> str:
        """Interrupt what the kernel runs, and tell where that has no effect.

        `anyway`: even where the signal would end the kernel; else WouldEndKernel is raised.
        """
        self._permit()
        self._checked(target)
        kernel, controller = self._tracked(target), self._controller(target, Verb.INTERRUPT)
        reaction = self._reaction(kernel)
        if reaction.is_fatal and not anyway:
            raise interrupts.WouldEndKernel(
                f"{interrupts.warning(kernel.name, reaction)}; nothing was sent"
            )
        running = kernel.manager.status.running if kernel.manager else None
        said = controller.interrupt()
        self._tracker.note(target.kernel_id, "interrupted")
        if said or kernel.manager is None:
            return said
        if not kernel.manager.status.heard and kernel.may_be_asked:
            return interrupts.ask_for_effect(kernel.name, reaction, kernel.manager)
        return interrupts.describe_effect(kernel.name, reaction, kernel.manager.life, running)

    def interrupt_warning(self, target: Target) -> str:
        """Return what should be known before this kernel is interrupted; "" where nothing."""
        self._checked(target)
        kernel = self._tracked(target)
        return interrupts.warning(kernel.name, self._reaction(kernel))

    def _reaction(self, kernel: TrackedKernel) -> interrupts.Reaction:
        by_message = interrupts.is_by_message(kernel.kind, kernel.manager)
        pid = kernel.identity.pid if kernel.identity else None
        return interrupts.read_reaction(pid, by_message=by_message)

    def signal(self, target: Target, signum: int) -> str:
        self._permit()
        self._checked(target)
        kernel, controller = self._tracked(target), self._controller(target, Verb.SIGNAL)
        # To other dashboards as well it is a kill, after which nobody restarts the kernel.
        is_kill = signum == signal.SIGKILL
        with contextlib.ExitStack() as orders:
            if is_kill:
                orders.enter_context(self._orders.give(kernel, "killing", is_urgent=True))
            said = controller.signal(signum)
        self._tracker.note(target.kernel_id, f"sent signal {signum}")
        return said

    def restart(self, target: Target, *, now: bool = False) -> str:
        """Restart, after a death as well."""
        self._permit()
        kernel, controller = self._tracked(target), self._controller(target, Verb.RESTART)
        if kernel.manifest is not None:
            self._recorder.ensure()
        with self._orders.give(kernel, RESTARTING):
            said = controller.restart(now=now)
        return said or self._note_environment(kernel)

    def _note_environment(self, kernel: TrackedKernel) -> str:
        """Return how the environment differs that a kernel was restarted with, if it may."""
        if not kernel.environment_lost or kernel.manifest is None:
            return ""
        self.registry.update(kernel, partial(replace, environment_lost=False))
        differs = environment_differs(kernel.manifest.environment, todays_environment())
        return f"{kernel.name} has today's environment: {differs}" if differs else ""

    def toggle_autorestart(self, target: Target) -> str:
        """Have a kernel of ours started again where it dies unasked, or no more."""
        self._permit()
        kernel = self._tracked(target)
        if kernel.manifest is None:
            raise ActionRefused(f"{kernel.name} is not kerneltui's: {LOST}")
        wanted = not kernel.manifest.autorestart
        self._orders.amend(kernel, autorestart=wanted)
        self.registry.publish()
        does = "is started again" if wanted else "stays dead"
        return f"{kernel.name} {does} where it dies by itself"

    def shutdown(self, target: Target) -> str:
        """Shut down and dismiss the row; of a dead kernel only the row is left to dismiss."""
        self._permit()
        kernel, controller = self._tracked(target), self._controller(target, Verb.SHUTDOWN)
        _refuse_died_meanwhile(kernel, target)
        with self._orders.give(kernel, "stopping"):
            said = controller.shutdown()
            if kernel.kind is Kind.STALE_FILE:
                self._tracker.drop(target.kernel_id)
            elif kernel.is_ours and target.kernel_id not in self._kernels:  # else it was restarted
                # Within the order, while nobody else can start it again.
                problem = self._tracker.forget(target.kernel_id)
                said = "; ".join(filter(None, (said, problem)))
        return said

    def kill(self, target: Target) -> str:
        """SIGKILL the kernel and all its descendants; its row stays, to restart or dismiss."""
        self._permit()
        kernel, controller = self._tracked(target), self._controller(target, Verb.KILL)
        if not kernel.leftovers:
            self._checked(target)
        with self._orders.give(kernel, "killing", is_urgent=True):
            return controller.kill()

    def verify(self, target: Target) -> str:
        """Ask a kernel whether it answers; a server takes note of what is asked of its kernels."""
        self._permit()
        self._checked(target)
        said = self._controller(target, Verb.VERIFY).verify()
        self.registry.update(self._tracked(target), partial(replace, has_answered=True))
        self.registry.publish()
        return said

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str:
        """Shut kernels of ours down at once, all of them or `targets`; others' are left alone."""
        self._permit()
        chosen, told = self._still_meant(targets)
        with contextlib.ExitStack() as orders:
            for kernel_id in chosen:
                kernel = self.registry.get(kernel_id)
                if kernel is None:  # it was dismissed meanwhile
                    continue
                try:
                    orders.enter_context(self._orders.give(kernel, "stopping"))
                except ActionRefused as error:
                    told.append(str(error))
                    self._tracker.drop(kernel_id)  # to be adopted again, as what it is by now
            try:
                if targets is None:  # those that are being started as well
                    self._kernels.shutdown_all()
                else:
                    self._kernels.shutdown_kernels(chosen)
            except ExceptionGroup as group:
                raise KernelError("; ".join(map(str, group.exceptions))) from None
            finally:
                for kernel in self.registry.all():
                    is_over = kernel.manager is not None and kernel.manager.status.exited
                    if kernel.is_ours and is_over and kernel.kernel_id not in self._kernels:
                        told.append(self._tracker.forget(kernel.kernel_id))
        return "; ".join(filter(None, told))

    def _still_meant(self, targets: Collection[Target] | None) -> tuple[list[str], list[str]]:
        """Return the ids of the kernels that are meant, and why others are not any more."""
        if targets is None:
            return self._kernels.list_kernel_ids(), []
        chosen, refused = [], []
        for target in targets:
            try:
                _refuse_died_meanwhile(self._tracked(target), target)
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

    def _controller(self, target: Target, verb: Verb) -> KernelController:
        """Return what carries out `verb` on the kernel that is meant.

        Raises ActionRefused where nothing can.
        """
        kernel = self._tracked(target)
        refuse_impossible(kernel.kind, verb, kernel.name)
        if kernel.found is None:
            return OwnController(self._kernels, target.kernel_id, kernel.name)
        return self._external.controller(kernel, kernel.found)

    def _checked(self, target: Target) -> None:
        """Raise ActionRefused where the process that is meant is gone."""
        self._tracked(target)
        if target.identity is not None and not target.identity.is_alive():
            raise ActionRefused(f"{target.name} is not running")

    def _tracked(self, target: Target) -> TrackedKernel:
        """Return the kernel that is meant. Raises ActionRefused where it has another process."""
        kernel = self.registry.get(target.kernel_id)
        if kernel is None:
            raise ActionRefused(f"{target.name} is gone; nothing was done")
        if kernel.identity != target.identity:
            raise ActionRefused(f"{target.name} was restarted meanwhile; nothing was done")
        return kernel

    # -- what is published ----

    def _new_manager(self, **arguments: Any) -> KernelManager:
        manager = KernelManager(**arguments, **choose_transport(arguments, self._transport))
        kernel = self.registry.get(manager.kernel_id)
        assert kernel is not None, "what is launched is tracked first"
        self._tracker.follow(kernel, manager)
        return manager

    def _snapshot(self, kernel: TrackedKernel) -> KernelSnapshot:
        return snapshot_of(
            kernel,
            self._monitor.facts(kernel.kernel_id),
            self._usage.usage.get(kernel.kernel_id),
            is_silent=self._checks.is_silent(kernel),
        )

    def _living_pids(self) -> Mapping[str, int]:
        return {
            shown.kernel_id: shown.pid
            for shown in self.snapshots
            if shown.pid is not None and shown.state is not KernelState.DEAD
        }


def _refuse_died_meanwhile(kernel: TrackedKernel, target: Target) -> None:
    has_died = kernel.manager is not None and kernel.manager.status.state is KernelState.DEAD
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
