"""Deaths: finds out why kernels have ended, and notes it in their manifests."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.diagnosis.cells import cell_number
from kerneltui.fleet.diagnosis.crash import find_crash
from kerneltui.fleet.diagnosis.death import (
    Death,
    MemoryAtEnd,
    Sent,
    better_known,
    conclude,
)
from kerneltui.fleet.inspection.post_mortem import (
    account_of,
    last_lines,
    last_words,
    with_last_words,
)
from kerneltui.fleet.manifests.manifest import Manifest, read_manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.text import clean_code


class Deaths:
    """For any thread."""

    def __init__(
        self,
        registry: KernelRegistry,
        store: ManifestStore,
        facts_of: Callable[[str], IopubFacts],
        queued_of: Callable[[str], Sequence[str]],
        memory_at_end: Callable[[str, int], MemoryAtEnd],
    ) -> None:
        """`queued_of`: returns our code that a kernel has not finished."""
        self._registry = registry
        self._manifests = store
        self._facts_of = facts_of
        self._queued_of = queued_of
        self._memory_at_end = memory_at_end
        self._told: set[str] = set()
        """Ids of kernels whose end the user was told, until that is noted."""

    def note(self, kernel: TrackedKernel, manager: KernelManager, process: KernelProcess) -> Death:
        """Note the end of a process at once; return why it ended."""
        kernel = self._registry.now(kernel) or kernel
        manifest = _as_kept(kernel.manifest, process.identity)
        if kernel.was_alive or manager.status.launched or manifest is None:
            death = self._conclude(kernel, manifest, manager, process)
        else:
            death = account_of(manifest)
        return self._keep(kernel, process.identity, death)

    def sum_up(self, kernel: TrackedKernel, ended: ProcessIdentity, death: Death) -> Death:
        """Complete the reason of an end, after the last messages have been heard."""
        summed_up = with_last_words(death, self._facts_of(kernel.kernel_id))
        if not summed_up.code:
            summed_up = replace(summed_up, code=self._sent_first(kernel.kernel_id))
        return death if summed_up == death else self._keep(kernel, ended, summed_up)

    def look(self) -> None:
        """Note in manifests what could not be noted at once, as another process gave an order."""
        for kernel in self._registry.all():
            if kernel.death is not None and kernel.identity is not None:
                self._keep_better(kernel, kernel.identity, kernel.death)
            if kernel.kernel_id in self._told:
                self._note_told(kernel)

    def _keep_better(self, kernel: TrackedKernel, ended: ProcessIdentity, death: Death) -> None:
        """Note what is known of an end here, if the manifest tells less."""
        noted = kernel.manifest.death if kernel.manifest is not None else None
        if better_known(noted, death) != noted:
            self._keep(kernel, ended, death)

    def note_told(self, kernel_id: str) -> None:
        """Note at the next look that the user was told of a kernel's end."""
        self._told.add(kernel_id)

    def _note_told(self, kernel: TrackedKernel) -> None:
        if kernel.manifest is None or kernel.is_alive:  # it was started again
            self._told.discard(kernel.kernel_id)
            return
        with contextlib.suppress(ActionRefused):
            kept = self._manifests.amend(kernel.manifest, is_told=True)
            self._registry.update(kernel, lambda now: replace(now, manifest=kept))
            self._told.discard(kernel.kernel_id)

    def take_over(self, kernel: TrackedKernel, manifest: Manifest) -> None:
        """Take over what another process has found out about the end of a kernel's process."""
        if kernel.death is None or kernel.manifest is None or manifest.death is None:
            return
        best = better_known(manifest.death, kernel.death)
        if best != kernel.death and manifest.identity == kernel.identity:
            self._show(kernel, manifest.identity, best)

    # -- keeping ----

    def _keep(self, kernel: TrackedKernel, ended: ProcessIdentity, death: Death) -> Death:
        """Show and note why a process has ended; return what is noted."""
        self._show(kernel, ended, death)
        is_anything_known = death.at is not None or death.cause is not None
        if kernel.manifest is None or not is_anything_known:
            return death
        with contextlib.suppress(ActionRefused):
            kept = self._manifests.note_death(kernel.manifest, ended, death)
            if kept.identity == ended and kept.death is not None:
                death = kept.death
                self._registry.update(kernel, lambda now: replace(now, manifest=kept))
                self._show(kernel, ended, death)
        return death

    def _show(self, kernel: TrackedKernel, ended: ProcessIdentity | None, death: Death) -> None:
        ended_at = time.monotonic() - (time.time() - death.at) if death.at is not None else None

        def with_death(now: TrackedKernel) -> TrackedKernel:
            is_known = now.ended_at is not None  # the first report sets it for good
            at = now.ended_at if is_known else ended_at
            return replace(now, death=death, ended_at=at) if now.identity == ended else now

        self._registry.update(kernel, with_death)

    # -- facts ----

    def _conclude(
        self,
        kernel: TrackedKernel,
        manifest: Manifest | None,
        manager: KernelManager,
        process: KernelProcess,
    ) -> Death:
        """Return why a process has ended, if this process saw its end."""
        facts, status = self._facts_of(kernel.kernel_id), manager.status
        lines = self._last_words(manager, manifest)
        crash = find_crash(lines, lambda file: cell_number(file, facts.cells))
        return conclude(
            process.returncode,
            crash,
            at=time.time(),
            sent=_latest(kernel.sent, manifest.sent if manifest is not None else None),
            is_at_start=status.launched and not status.heard,
            argv=manifest.argv if manifest is not None else (),
            code=facts.running or self._sent_first(kernel.kernel_id),
            last_lines=last_lines(lines),
            memory=self._memory_at_end(kernel.kernel_id, process.identity.pid),
        )

    def _sent_first(self, kernel_id: str) -> str:
        """Return our oldest unfinished code, even if the kernel has not reported that it runs."""
        return clean_code(next(iter(self._queued_of(kernel_id)), ""))

    def _last_words(self, manager: KernelManager, manifest: Manifest | None) -> tuple[str, ...]:
        log = manager.life.log
        if log is None or manifest is None:
            return ()
        is_launched_here = manager.status.launched  # and then the log knows where its lines begin
        return last_words(log, 0.0 if is_launched_here else manifest.started_at)


def _as_kept(manifest: Manifest | None, ended: ProcessIdentity) -> Manifest | None:
    """Read a manifest again, as another dashboard may have written to it."""
    if manifest is None:
        return None
    try:
        current = read_manifest(manifest.path)
    except KernelError:  # it was dismissed meanwhile
        return manifest
    return current if current.identity == ended else manifest


def _latest(*sent: Sent | None) -> Sent | None:
    return max((each for each in sent if each is not None), key=lambda each: each.at, default=None)
