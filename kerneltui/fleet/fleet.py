"""Fleet: the state of every kernel, and the verbs. Front ends are built on it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Unpack

from kerneltui.errors import KernelError
from kerneltui.fleet.control.look_turns import LookTurns
from kerneltui.fleet.diagnosis.cells import Cell
from kerneltui.fleet.diagnosis.stack import Frame, Stack
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.fleet.diagnosis.ways.subject import Subject
from kerneltui.fleet.inspection.gpu import GpuLook
from kerneltui.fleet.inspection.host_usage import HostUsage
from kerneltui.fleet.inspection.kernel_info import KernelInfo, kernel_info
from kerneltui.fleet.inspection.known_cells import known_cells
from kerneltui.fleet.inspection.logind import logout_warning
from kerneltui.fleet.inspection.memory_watch import MemoryWatch
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.inspection.spec_choice import SpecChoice, choices
from kerneltui.fleet.inspection.usage import UsageSampler
from kerneltui.fleet.keeper.spawn import KeptSpawn
from kerneltui.fleet.keeper.start import KeeperStarter
from kerneltui.fleet.manifests.adoption import todays_environment
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.launch_mode import LaunchMode
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.retention import USUAL, Limits
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.reconcile.heirs import Heirs
from kerneltui.fleet.reconcile.reconciler import Reconciler
from kerneltui.fleet.registry.described import Described, described
from kerneltui.fleet.registry.notices import Notice, NoticeBoard
from kerneltui.fleet.registry.orders import command_of
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import Observed, Stand, TrackedKernel
from kerneltui.fleet.registry.tracker import Tracker
from kerneltui.fleet.starter import KernelStarter
from kerneltui.fleet.transcript.transcript import Transcript
from kerneltui.fleet.verbs import KernelVerbs
from kerneltui.kernels.connection.transport import choose_transport
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL, signal_number
from kerneltui.kernels.processes.thread_room import require_threads
from kerneltui.paths import runtime_folder
from kerneltui.protocol.connection import Transport
from kerneltui.protocol.status import KernelState
from kerneltui.words import clock

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.ways.diagnosis import Diagnosis

INTERRUPT_PATIENCE = 0.5  # seconds that a look waits for an interrupt to be taken
THREADS = 16  # threads and processes that must be free: ours, zmq's and those of a start


class Fleet:
    """All kernels. Verbs block; what is published can be read in any thread.

    The kernels live on when the fleet is closed.
    """

    def __init__(
        self,
        *,
        transport: Transport = "auto",
        limits: Limits = USUAL,
        locked: bool = False,
        given_by: Callable[[Verb], str] = command_of,
        stack_signal: str = STACK_SIGNAL,
        launcher: LaunchMode = "template",
        preload: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`given_by`: returns the key or command by which a user asks for a verb.

        `stack_signal`: the signal at which kernels write their stacks to their logs, or "off".
        `launcher`: "template" forks Python kernels from a process that has imported what they need,
        "spawn" does not. `preload`: by kernelspec, the further modules that it imports.
        """
        self._transport: Transport = transport
        self._board = board = NoticeBoard()
        self._kernels = kernels = MultiKernelManager(
            autorestart=False, kernel_manager_factory=self._new_manager
        )
        self.registry = registry = KernelRegistry(self._describe)
        store = ManifestStore(runtime_folder(), self.warn, Heirs().find)
        self._memory = memory = MemoryWatch()
        self._stack_signal = at = signal_number(stack_signal)
        self._keeper = keeper = KeptSpawn(runtime_folder(), self.warn, launcher, preload or {})
        self._tracker = tracker = Tracker(
            registry, store, kernels, board, limits, given_by, memory.at_end, at, keeper
        )
        self._monitor, self.console = tracker.monitor, tracker.console
        self._gpu = GpuLook()
        self._usage = usage = UsageSampler(self._living_pids, registry.publish)
        self._recorder = recorder = KeeperStarter(runtime_folder(), self.warn)
        besides = self._watch_memory, self._look_after_recorder, self._prepare_to_look
        self._reconciler = reconciler = Reconciler(
            registry, tracker, store, kernels, usage, transport, self.warn, *besides
        )
        self._starter = KernelStarter(registry, tracker, store, kernels, recorder)
        self._turns = turns = LookTurns()
        self._verbs = KernelVerbs(registry, tracker, kernels, reconciler.external, recorder, turns)
        self._is_observer = False
        self._is_prepared = False
        self.locked = locked

    def open(self) -> None:
        """Start listening, and adopt the kernels that an earlier dashboard left.

        Kernels that another program started are found a moment later.
        """
        require_threads(THREADS)
        self._board.open()
        self._tracker.start()
        self._usage.start()
        self._reconciler.start()
        if warning := logout_warning():
            self.warn(warning)

    def look_closely(self, timeout: float) -> None:
        """Look for the kernels of other programs, and then at what all use. Called after `open`.

        `timeout`: seconds for each of the two looks; later ones follow by themselves.
        """
        self._reconciler.look_now(timeout)
        self._usage.take_turn(timeout)

    def observe(self, *, listening: bool = False) -> None:
        """Look at this host once, for a single command; called in place of `open`.

        Nothing is recorded or restarted, and no periodic thread is started; `look` sees later
        changes. `listening`: listen to the kernels too; a command that waits until a kernel is
        ready needs that.
        """
        self._is_observer = True
        self._board.open()
        if listening:
            require_threads(THREADS)
            self._tracker.start()
        self.look()

    def close(self) -> None:
        """Stop listening; the kernels do not notice.

        Waits first until the orders under way in other threads have ended.
        """
        self._reconciler.close()
        self._usage.stop()
        self._tracker.stop()
        self._keeper.close()
        self._board.close()

    def look(self) -> None:
        """See what other programs have changed on this host, as the discovery thread does."""
        if not self._is_observer:
            self._reconciler.thread.look()
            return
        self._reconciler.look_once()
        self.registry.publish()

    def _watch_memory(self) -> None:
        tracked = [kernel.kernel_id for kernel in self.registry.all()]
        self._memory.look(self._living_pids(), self._usage.usage, tracked)

    def _look_after_recorder(self) -> None:
        kernels = self.registry.all()
        self._recorder.look(is_wanted=any(each.manifest and each.is_alive for each in kernels))

    def _prepare_to_look(self) -> None:
        """Load the modules that look into a kernel once one is busy.

        So neither a key press nor the start of the dashboard waits for them.
        """
        if self._is_prepared or all(each.state is not KernelState.BUSY for each in self.snapshots):
            return
        self._is_prepared = True
        import kerneltui.fleet.diagnosis.ways.diagnosis  # noqa: F401
        from kerneltui.fleet.diagnosis.question import ask_stacks

        ask_stacks()

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """All kernels: ours, then others', each in order of start; then files without a kernel.

        The same tuple until something changes.
        """
        return self.registry.snapshots

    # -- what is true now ----

    @property
    def host(self) -> HostUsage | None:
        """The memory and load of this host; None before the first look."""
        return self._usage.host

    def transcript(self, kernel_id: str) -> Transcript | None:
        return self._monitor.transcript(kernel_id)

    def message_log(self, kernel_id: str) -> MessageLog | None:
        """Return the messages heard from a kernel, and those that our clients sent to it."""
        return self._monitor.message_log(kernel_id)

    def info(self, kernel_id: str) -> KernelInfo:
        """Look up what a kernel was started with. Blocking. Raises NoSuchKernel."""
        log = self._monitor.message_log(kernel_id)
        return kernel_info(self._tracker.manager_of(kernel_id), log.kernel_info if log else {})

    def processes(
        self, kernel_id: str, opened: Container[ProcessIdentity] = ()
    ) -> tuple[ProcessFacts, ...]:
        """Look at a kernel's processes; if it is gone, at those that it left. Blocking.

        `opened`: the processes whose open files are looked up as well.
        """
        kernel = self.registry.get(kernel_id)
        if kernel is None or kernel.identity is None:
            return ()
        roots = (kernel.identity,) if kernel.identity.is_alive() else kernel.leftovers
        return kernel.tree.look(roots, time.monotonic(), opened, self._gpu.look())

    def log(self, kernel_id: str) -> Transcript | None:
        """Read what is new in a kernel's log, and return all of it. Blocking."""
        kernel = self.registry.get(kernel_id)
        return kernel.log.look() if kernel and kernel.log else None

    def stack(self, kernel_id: str) -> Stack:
        """Look up where a kernel's threads stand. Blocking, for some seconds at most.

        Raises NoSuchKernel, and CannotLook if no way works.
        """
        subject = self._subject(kernel_id)
        with self._turns.taken(kernel_id, INTERRUPT_PATIENCE):
            stack = self._diagnosis.stack(subject)
        if kernel := self.registry.get(kernel_id):
            stand = Stand(stack.summary, subject.identity, time.monotonic())
            self.registry.update(kernel, partial(replace, stand=stand))
            self.registry.publish()
        return stack

    def variables(self, kernel_id: str) -> tuple[Variable, ...]:
        """Look up a kernel's variables, the largest first. Blocking; raises as `stack` does."""
        return self._diagnosis.variables(self._subject(kernel_id))

    def frame_names(
        self, kernel_id: str, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]:
        """Look up the names of the frame `depth` calls above a thread's innermost one."""
        return self._diagnosis.frame_names(self._subject(kernel_id), thread, depth, frame)

    def _subject(self, kernel_id: str) -> Subject:
        manager = self._tracker.manager_of(kernel_id)
        kernel = self.registry.get(kernel_id)
        is_ours = kernel is not None and kernel.is_ours
        log = LogFile.beside(manager.connection_file, kernel_id).path if is_ours else None
        return Subject(kernel_id, manager, kernel.identity if kernel else None, log)

    @cached_property
    def _diagnosis(self) -> Diagnosis:
        # Loaded when a kernel is first looked into, so that no start waits for it.
        from kerneltui.fleet.diagnosis.ways.diagnosis import Diagnosis

        return Diagnosis(self.console, self.message_log, self._known_cells)

    def _known_cells(self, subject: Subject) -> tuple[Cell, ...]:
        return known_cells(subject, self._monitor.facts(subject.kernel_id))

    def mark(self, kernel_id: str) -> None:
        """Draw a line below what a kernel has said so far."""
        self._monitor.note(kernel_id, f"──────── {clock()} ────────")

    def warn(self, text: str) -> None:
        self._board.warn(text)

    def take_notices(self) -> tuple[Notice, ...]:
        """Return the notices since the last call: events that no verb has asked for."""
        return self._board.take()

    def note_told(self, notice: Notice) -> None:
        """Take note that the user has seen a notice: the next dashboard does not show it again."""
        if notice.kernel_id:
            self._tracker.deaths.note_told(notice.kernel_id)

    def kernel_specs(self) -> tuple[SpecChoice, ...]:
        """Return the kernelspecs that can be started, by name; broken ones become notices."""
        return choices(self._kernels.kernel_spec_manager.get_all_specs())

    def warm(self, kernel_name: str) -> None:
        """Prepare for a start of a kernelspec, so that it is quick. Blocking.

        Nothing happens if that is not possible, or while the fleet is locked.
        """
        if not self.locked:
            with contextlib.suppress(KernelError):
                spec = self._kernels.kernel_spec_manager.get_kernel_spec(kernel_name)
                self._keeper.warm(spec, todays_environment(""), self._stack_signal)

    # -- verbs: they raise KernelError, and return a sentence worth showing, or "" ----

    def start(
        self, kernel_name: str, *, cwd: str, name: str = "", autorestart: bool = False
    ) -> str:
        """Start a kernel that outlives this process; return its id.

        `autorestart`: an open dashboard restarts it when it dies by itself.
        """
        self._verbs.permit()
        return self._starter.start(kernel_name, cwd=cwd, name=name, autorestart=autorestart)

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:
        """Carry out a verb on the target kernel; `capabilities` is the table of verbs.

        Raises ActionRefused if it is not allowed, or if the kernel has another process now.
        """
        return self._verbs.do(verb, target, **options)

    def before(self, verb: Verb, target: Target) -> tuple[str, ...]:
        """Look up what the user should know before a verb is carried out, a line each."""
        return self._verbs.before(verb, target)

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str:
        """Shut down our kernels at once, all of them or `targets`; others' are left alone."""
        return self._verbs.shut_down_all(targets)

    @property
    def locked(self) -> bool:
        """While true, every verb is refused, no code is run and no input request is answered."""
        return self.console.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self.console.locked = locked

    @property
    def detailed(self) -> str:
        """The id of the kernel whose processes are looked at more closely; "" for none."""
        return self._usage.detailed

    @detailed.setter
    def detailed(self, kernel_id: str) -> None:
        self._usage.detailed = kernel_id

    # -- what is published ----

    def _new_manager(self, **arguments: Any) -> KernelManager:
        manager = KernelManager(**arguments, **choose_transport(arguments, self._transport))
        kernel = self.registry.get(manager.kernel_id)
        assert kernel is not None, "what is launched is tracked first"
        self._tracker.follow(kernel, manager)
        return manager

    def _describe(self, kernel: TrackedKernel, before: Described | None) -> Described:
        kernel_id = kernel.kernel_id
        observed = Observed(
            self._monitor.facts(kernel_id),
            self._usage.usage.get(kernel_id),
            self._reconciler.checks.control(kernel),
            self._reconciler.checks.prompt(kernel),
            self.console.waiting.get(kernel_id),
        )
        return described(kernel, observed, time.monotonic(), before)

    def _living_pids(self) -> Mapping[str, int]:
        return {
            shown.kernel_id: shown.pid
            for shown in self.snapshots
            if shown.pid is not None and shown.state is not KernelState.DEAD
        }
