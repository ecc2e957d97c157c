"""Stops: notes in manifests since when our kernels are stopped, as the OS does not tell it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

from kerneltui.errors import ActionRefused
from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.registry.orders import Orders
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel


class Stops:
    """Used by one thread at a time."""

    def __init__(self, registry: KernelRegistry, orders: Orders) -> None:
        self._registry = registry
        self._orders = orders

    def look(self, usage: Mapping[str, Usage]) -> None:
        """Note which kernels have been stopped, and which run again."""
        for kernel in self._registry.all():
            seen, manifest = usage.get(kernel.kernel_id), kernel.manifest
            if seen is None or seen.process is None or manifest is None:
                continue
            since = seen.process_since if seen.process is ProcessState.STOPPED else None
            if since is not None and manifest.stopped_at is None:
                self._note(kernel, time.time() - (time.monotonic() - since))
            elif seen.process is not ProcessState.STOPPED and manifest.stopped_at is not None:
                self._note(kernel, None)

    def _note(self, kernel: TrackedKernel, stopped_at: float | None) -> None:
        with contextlib.suppress(ActionRefused):
            self._orders.amend(kernel, stopped_at=stopped_at)
