"""Orders: what is about to be done with a kernel, for everybody to see before it is done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from kerneltui.errors import ActionRefused
from kerneltui.fleet.manifests.manifest import RESTARTING, Manifest
from kerneltui.fleet.manifests.store import CannotNote, ManifestStore
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.management.manager import KernelManager


class Orders:
    """In any thread. Manifests carry them to other dashboards."""

    def __init__(self, registry: KernelRegistry, store: ManifestStore) -> None:
        self._registry = registry
        self._manifests = store

    @contextlib.contextmanager
    def give(self, kernel: TrackedKernel, word: str, *, is_urgent: bool = False) -> Iterator[None]:
        """Show the order while it is carried out, and let nobody else give one.

        In the manifest it stays with a process that it has ended: others may notice that later.
        `is_urgent`: carried out though another process gives the kernel an order. Raises
        ActionRefused where another dashboard has given the kernel another process.
        """
        kernel = self._registry.now(kernel) or kernel
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._noted(kernel, word))
            except ActionRefused:
                if not is_urgent or kernel.manifest is None or not kernel.is_alive:
                    raise
            mine = (word, time.monotonic())
            self._show(kernel, lambda now: replace(now, pending=mine))
            try:
                yield
            finally:  # unless a stronger order has taken over
                self._show(
                    kernel, lambda now: replace(now, pending=None) if now.pending is mine else now
                )

    def _show(
        self, kernel: TrackedKernel, change: Callable[[TrackedKernel], TrackedKernel]
    ) -> None:
        self._registry.update(kernel, change)
        self._registry.publish()

    @contextlib.contextmanager
    def _noted(self, kernel: TrackedKernel, word: str) -> Iterator[None]:
        """Have an order in the manifest, and the space to note what came of it."""
        manifest = kernel.manifest
        if manifest is None:
            yield
            return
        changes: dict[str, Any] = {"order": word}
        if word == RESTARTING and kernel.manager is not None:
            changes["argv"] = tuple(kernel.manager.next_command())
        with self._manifests.hold(manifest):
            try:
                self.amend(kernel, **changes)
                self._manifests.reserve(manifest)
            except CannotNote:
                if word == RESTARTING:  # nothing need be known after an end
                    raise
            try:
                yield
            finally:
                now = self._registry.now(kernel)
                if now is not None and (now.identity is None or now.identity.is_alive()):
                    with contextlib.suppress(ActionRefused):
                        self.amend(kernel, order="")

    def amend(self, kernel: TrackedKernel, **changes: Any) -> None:
        """Change what a kernel's manifest says. Raises ActionRefused where that cannot be."""
        self._rewrite(kernel, partial(self._manifests.amend, **changes))

    def complete(self, kernel: TrackedKernel, manager: KernelManager) -> None:
        """Note which process serves a kernel of ours, for who comes after us."""
        process = manager.process
        assert process is not None, "what was launched here is seen"
        mode = manager.kernel_spec.interrupt_mode
        self._rewrite(
            kernel,
            lambda manifest: self._manifests.complete(
                manifest, process.identity, process.launched, mode
            ),
        )

    def is_ordered(self, kernel: TrackedKernel) -> bool:
        """Tell whether some dashboard had a kernel of ours end, or has dismissed it."""
        if kernel.manifest is None:
            return False
        return self._manifests.is_ordered(kernel.manifest, kernel.identity)

    def _rewrite(self, kernel: TrackedKernel, change: Callable[[Manifest], Manifest]) -> None:
        """Change a kernel's manifest; one that was dismissed meanwhile stays removed."""
        now = self._registry.now(kernel)
        if now is None or now.manifest is None:
            return
        changed = change(now.manifest)
        self._registry.update(kernel, lambda now: replace(now, manifest=changed))
