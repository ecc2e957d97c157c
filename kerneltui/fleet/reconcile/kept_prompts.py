"""KeptPrompts: what cells of ours ask is in the manifests, and the next dashboard asks it again."""

from __future__ import annotations

import contextlib
import os
import time

from kerneltui.errors import KernelError
from kerneltui.fleet.console.console import Console
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.manifests.kept_prompt import KeptPrompt
from kerneltui.fleet.manifests.manifest import Manifest, read_manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.monitoring.monitor import KernelMonitor
from kerneltui.fleet.registry.orders import Orders
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.processes.identity import identify


class KeptPrompts:
    """Used by one thread at a time."""

    def __init__(
        self,
        registry: KernelRegistry,
        orders: Orders,
        store: ManifestStore,
        console: Console,
        monitor: KernelMonitor,
    ) -> None:
        self._registry = registry
        self._orders = orders
        self._manifests = store
        self._console = console
        self._monitor = monitor
        self._noted: dict[str, Prompt] = {}
        """By kernel id what this process has noted."""

    def look(self) -> None:
        """Note what cells of ours ask, and offer what a dashboard that has ended was asked."""
        self.note()
        for manifest in self._manifests.manifests:
            if manifest.prompt is not None and not self._console.locked:
                with contextlib.suppress(KernelError):  # somebody else is at it, or it is gone
                    self._offer(manifest, manifest.prompt)

    def note(self) -> None:
        """Note what cells of ours ask, and what they do not ask any more."""
        prompts = self._console.prompts
        for kernel_id in self._noted.keys() | prompts.keys():
            asked, kernel = prompts.get(kernel_id), self._registry.get(kernel_id)
            if kernel is None or kernel.manifest is None:
                self._noted.pop(kernel_id, None)
            elif asked != self._noted.get(kernel_id):
                with contextlib.suppress(KernelError):
                    self._note(kernel, kernel.manifest, asked)

    def _note(self, kernel: TrackedKernel, manifest: Manifest, asked: Prompt | None) -> None:
        before = self._noted.get(kernel.kernel_id)
        if asked is not None:
            self._orders.amend(kernel, prompt=_kept(asked))
            self._noted[kernel.kernel_id] = asked
            return
        kept = read_manifest(manifest.path).prompt
        if kept is not None and before is not None and kept.parent_id == before.parent_id:
            self._orders.amend(kernel, prompt=None)
        self._noted.pop(kernel.kernel_id, None)

    def _offer(self, manifest: Manifest, kept: KeptPrompt) -> None:
        """Show a prompt here where it is still open, and nobody else does."""
        kernel = self._registry.get(manifest.kernel_id)
        if kernel is None or kernel.manager is None or kernel.identity != manifest.identity:
            return
        is_open = kept.parent_id in kernel.manager.status.unfinished
        if not is_open or not kept.asker.is_here or kept.asker.is_alive():
            return
        prompt = _prompt(kernel.kernel_id, kept)
        with self._manifests.hold(manifest):
            if read_manifest(manifest.path).prompt != kept:  # another dashboard was faster
                return
            self._orders.amend(kernel, prompt=_kept(prompt))
        self._noted[kernel.kernel_id] = prompt
        self._console.resume(prompt, self._monitor.facts(kernel.kernel_id).code)


def _kept(prompt: Prompt) -> KeptPrompt:
    asker = identify(os.getpid())
    assert asker is not None, "it is this very process"
    return KeptPrompt(
        text=prompt.text,
        password=prompt.password,
        parent_id=prompt.parent_id,
        session=prompt.session,
        asked_at=time.time() - (time.monotonic() - prompt.asked_at),
        asker=asker,
    )


def _prompt(kernel_id: str, kept: KeptPrompt) -> Prompt:
    return Prompt(
        kernel_id=kernel_id,
        text=kept.text,
        password=kept.password,
        parent_id=kept.parent_id,
        asked_at=time.monotonic() - max(0.0, time.time() - kept.asked_at),
        session=kept.session,
    )
