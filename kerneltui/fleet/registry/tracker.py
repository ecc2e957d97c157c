"""Tracker: listens to every kernel, and updates the registry with what happens to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from kerneltui.errors import ActionRefused, NoSuchKernel
from kerneltui.fleet.console.console import Console
from kerneltui.fleet.diagnosis.death import Death, MemoryAtEnd
from kerneltui.fleet.inspection.death_report import log_lines, output_lines
from kerneltui.fleet.inspection.kernel_log import KernelLog
from kerneltui.fleet.keeper.recording.recording import remove_recording
from kerneltui.fleet.keeper.spawn import KeptSpawn
from kerneltui.fleet.manifests.manifest import RESTARTING
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.retention import Limits
from kerneltui.fleet.monitoring.monitor import Describe, KernelMonitor
from kerneltui.fleet.registry.deaths import Deaths
from kerneltui.fleet.registry.notices import NOTICE_WIDTH, Notice, NoticeBoard
from kerneltui.fleet.registry.orders import Orders
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.management.shutdown import family_of
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.marked import marked_by
from kerneltui.kernels.processes.process import describe_process
from kerneltui.kernels.templates.parentage import is_forked
from kerneltui.path_checks import is_gone
from kerneltui.protocol.status import Event, Exited, HandedOver, Reported, Spawned
from kerneltui.protocol.text import clean_line

HEARING = 1.0  # seconds for a forked kernel to say something; it answers a question at once


class Tracker:
    """Owns the monitor and the console; events come in any thread."""

    def __init__(
        self,
        registry: KernelRegistry,
        store: ManifestStore,
        kernels: MultiKernelManager,
        board: NoticeBoard,
        limits: Limits,
        given_by: Callable[[Verb], str],
        memory_at_end: Callable[[str, int], MemoryAtEnd],
        stack_signal: int | None,
        keeper: KeptSpawn,
    ) -> None:
        """`stack_signal`: the signal at which Python kernels launched here write their stacks.

        `keeper`: starts their processes, and knows how they have ended.
        """
        self.monitor = KernelMonitor(self._on_event, registry.publish, limits)
        self.console = Console(
            self.manager_of,
            self.monitor.record,
            self.monitor.note,
            self.monitor.message_log,
            self._is_served,
            end=self.monitor.end,
        )
        self.orders = Orders(registry, store, given_by)
        self.deaths = Deaths(
            registry,
            store,
            self.monitor.facts,
            self._sent_to,
            memory_at_end,
        )
        self._registry = registry
        self._manifests = store
        self._kernels = kernels
        self._board = board
        self._stack_signal = stack_signal
        self.keeper = keeper

    def start(self) -> None:
        self.monitor.start()
        self.console.start()

    def stop(self) -> None:
        self.console.stop()
        self.monitor.stop()

    # -- coming and going ----

    def admit(self, kernel: TrackedKernel, instead_of: TrackedKernel | None = None) -> bool:
        """Admit a kernel that was not started here; listen to it from its next process on.

        `instead_of`: the kernel that it replaces. Returns False if another one has its place.
        """
        manager = kernel.manager
        if manager is not None:
            kernel = self._with_manager(kernel, manager)
        if not self._registry.admit(kernel, instead_of):
            return False
        if instead_of is not None:
            self._listen_no_more(kernel.kernel_id)
        if manager is not None:
            self.monitor.watch(manager)
        return True

    def follow(self, kernel: TrackedKernel, manager: KernelManager) -> None:
        """Listen to a kernel that is about to be launched by `manager`."""
        self._registry.update(kernel, partial(self._with_manager, manager=manager))
        self.monitor.watch(manager)

    def _with_manager(self, kernel: TrackedKernel, manager: KernelManager) -> TrackedKernel:
        manager.stack_signal = self._stack_signal
        note = partial(self.note, kernel.kernel_id)
        manager.spawn = self.keeper.of(manager.kernel_name, note)
        manager.around_restart = partial(self.orders.give, kernel, RESTARTING)
        return replace(kernel, manager=manager, log=KernelLog(manager))

    def forget(self, kernel_id: str) -> str:
        """Dismiss a kernel, for other dashboards as well.

        Returns "" if its files are removed; otherwise the reason, and it returns as a dead kernel.
        """
        problem = ""
        kernel = self._registry.get(kernel_id)
        if kernel is not None and kernel.manifest is not None:
            try:
                self._manifests.remove(kernel.manifest)  # first: a row that is gone has no files
                remove_recording(kernel.manifest.connection_file, kernel_id)
            except ActionRefused as error:
                problem = str(error)
            except OSError as error:
                problem = f"the files of {kernel.name} cannot be removed: {error.strerror}"
        self.drop(kernel_id)
        return problem

    def drop(self, kernel_id: str) -> None:
        """Stop tracking a kernel."""
        self._registry.drop(kernel_id)
        self._kernels.remove_kernel(kernel_id)
        self._listen_no_more(kernel_id)
        self._registry.publish()

    def _listen_no_more(self, kernel_id: str) -> None:
        self.monitor.dismiss(kernel_id)
        self.console.forget(kernel_id, "the kernel was dismissed")

    # -- for other modules ----

    def manager_of(self, kernel_id: str) -> KernelManager:
        """Return a kernel's manager, also before its launch. Raises NoSuchKernel."""
        kernel = self._registry.get(kernel_id)
        if kernel is None or kernel.manager is None:
            raise NoSuchKernel(f"no kernel with id {kernel_id!r}", kernel_id)
        return kernel.manager

    def _is_served(self, kernel_id: str) -> bool:
        kernel = self._registry.get(kernel_id)
        return kernel is not None and kernel.kind is Kind.SERVER

    def wait_until_heard(self, kernel_id: str) -> None:
        """Wait until a kernel that was forked is heard: it may run code before we have subscribed.

        A kernel that was spawned takes longer to start than a subscription.
        """
        kernel = self._registry.get(kernel_id)
        if kernel is not None and kernel.identity is not None and is_forked(kernel.identity):
            self.monitor.wait_until_heard(kernel_id, HEARING)

    def probe_ready(self, kernel_id: str) -> None:
        """Have a kernel report that it is idle; within a batch, after all kernels are shown."""
        self._registry.after_publishing(partial(self.console.probe_ready, kernel_id))

    def note(self, kernel_id: str, text: str) -> None:
        """Add an event to a kernel's log."""
        kernel = self._registry.get(kernel_id)
        if kernel is not None and kernel.log is not None:
            kernel.log.note(text)

    def record_exits(self) -> None:
        """Notice ended processes at once, without waiting for their watchers."""
        for kernel in self._registry.all():
            process = kernel.manager.process if kernel.manager is not None else None
            if kernel.manager is not None and process is not None and process.exited:
                kernel.manager.life.record_exit(process)

    def look_after_files(self) -> None:
        """Check which leftovers have ended, and which connection files are gone."""
        for kernel in self._registry.all():
            left = tuple(each for each in kernel.leftovers if each.is_alive())
            file = kernel.manager.connection_file if kernel.manager else ""
            gone = bool(file) and is_gone(Path(file))
            if left != kernel.leftovers or gone != kernel.is_file_gone:
                self._registry.update(kernel, partial(replace, leftovers=left, is_file_gone=gone))

    def note_leftovers(self, kernel: TrackedKernel) -> None:
        """Note the processes that an ended kernel of ours has left running."""
        process = kernel.manager.process if kernel.manager else None
        if process is None or not kernel.is_ours:
            return
        family = dict.fromkeys((*family_of(process), *marked_by(kernel.kernel_id)))
        left = tuple(each for each in family if each.is_alive())
        self._registry.update(kernel, lambda now: replace(now, leftovers=left))
        if left and kernel.log is not None:
            kernel.log.note(f"left {', '.join(map(describe_process, left))}")

    # -- events, in the thread in which they happen ----

    def _on_event(self, manager: KernelManager, event: Event) -> Describe | None:
        """Take note of an event; for an end, return the function that describes it."""
        kernel = self._registry.get(manager.kernel_id)
        if kernel is None:
            return None
        describe = None
        if isinstance(event, Reported):  # the monitor publishes these together
            if manager.status.is_doubtful and kernel.may_be_asked:
                self.console.resolve_doubt(manager.kernel_id)
            return None
        if kernel.log is not None:
            kernel.log.on_event(event)
        match event:
            case Spawned(adopted):
                self._note_process(kernel, manager, is_kept=adopted)
                self._note_start(kernel, manager, is_adopted=adopted)
            case HandedOver():
                self._note_process(kernel, manager)
            case Exited(reason=reason):
                describe = self._note_end(kernel, manager, reason)
        self._registry.publish()
        return describe

    def _note_process(
        self, kernel: TrackedKernel, manager: KernelManager, *, is_kept: bool = False
    ) -> None:
        """Note which process serves a kernel. `is_kept`: its manifest has that already."""
        identity = manager.process.identity if manager.process else None
        self._registry.update(kernel, lambda now: replace(now, identity=identity))
        if not is_kept:
            self.orders.complete(kernel, manager)

    def _note_start(
        self, kernel: TrackedKernel, manager: KernelManager, *, is_adopted: bool
    ) -> None:
        """Forget the process before, and its death; an adopted process may have ended already."""
        is_alive = manager.is_alive()
        is_over = is_adopted and not is_alive
        self._registry.update(
            kernel,
            lambda now: replace(
                now,
                was_alive=is_alive,
                has_answered=False,
                sent=None,
                stopped_at=None,
                death=now.manifest.death if is_over and now.manifest else None,
                ended_at=None,
            ),
        )
        self.console.forget(kernel.kernel_id, f"{manager.describe()} was started again")
        if kernel.may_be_asked:
            self.probe_ready(kernel.kernel_id)

    def _note_end(
        self, kernel: TrackedKernel, manager: KernelManager, reason: str
    ) -> Describe | None:
        """Note why a kernel has ended; return a function that tells it after the last messages.

        `reason`: "" for an end that was ordered here: the user is not told of it.
        """
        process = manager.process
        death = self.deaths.note(kernel, manager, process) if process is not None else None
        self.console.forget(kernel.kernel_id, f"{manager.describe()} is gone")
        if process is None or death is None:
            return None
        if not reason:
            self._log_end(kernel, death)
            return None
        is_told = kernel.manifest is not None and kernel.manifest.is_told
        is_news = kernel.is_ours and not is_told and not self.orders.is_ordered(kernel)
        self.note_leftovers(kernel)
        return partial(self._describe_end, kernel, process.identity, death, is_news=is_news)

    def _sent_to(self, kernel_id: str) -> tuple[str, ...]:
        """Return our code that a kernel has not finished, or had not when it ended."""
        console = self.console
        return console.queued.get(kernel_id) or console.abandoned.get(kernel_id, ())

    def _describe_end(
        self, kernel: TrackedKernel, ended: ProcessIdentity, death: Death, *, is_news: bool
    ) -> str:
        """Return why a kernel has ended, and its last lines; post a notice if it `is_news`."""
        death = self.deaths.sum_up(kernel, ended, death)
        if is_news:
            text = clean_line(death.news(kernel.name), NOTICE_WIDTH)
            self._board.post(Notice("error", text, kernel.kernel_id))
        self._registry.publish()
        self._log_end(kernel, death)
        return "\n".join(output_lines(death))

    def _log_end(self, kernel: TrackedKernel, death: Death) -> None:
        now = self._registry.get(kernel.kernel_id)
        if now is not None and now.log is not None:
            for line in log_lines(death):
                now.log.note_past(line, death.at)
