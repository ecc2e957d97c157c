"""KernelRegistry: holds all tracked kernels and publishes their snapshots."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.registry.described import Described
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel

_open_batch: ContextVar[list[Callable[[], None]] | None] = ContextVar("batch", default=None)
"""The open batch of this thread: functions to call after it is published."""


class KernelRegistry:
    """A store for all threads. It sends no requests and reads no files."""

    def __init__(self, describe: Callable[[TrackedKernel, Described | None], Described]) -> None:
        """`describe`: returns the description of a kernel, given the last one."""
        self._describe = describe
        self._kernels: dict[str, TrackedKernel] = {}
        """By id, in the order of their admission."""
        self._lock = threading.Lock()
        self._publishing = threading.Lock()
        self._is_unpublished = False
        """Something has changed, or must be checked again, since the snapshots were made."""
        self._described: dict[str, Described] = {}
        """The last descriptions, by kernel id."""
        self._snapshots: tuple[KernelSnapshot, ...] = ()

    # -- reading ----

    def get(self, kernel_id: str) -> TrackedKernel | None:
        return self._kernels.get(kernel_id)

    def all(self) -> tuple[TrackedKernel, ...]:
        with self._lock:
            return tuple(self._kernels.values())

    def now(self, kernel: TrackedKernel) -> TrackedKernel | None:
        """Return the current version of a kernel; None if it was dropped."""
        current = self._kernels.get(kernel.kernel_id)
        return current if current and current.admission is kernel.admission else None

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """All kernels: first ours, then others, each in the order of their start, then mere files.

        The same tuple until something changes.
        """
        return self._snapshots

    # -- changes ----

    def admit(self, kernel: TrackedKernel, instead_of: TrackedKernel | None = None) -> bool:
        """Add a kernel, or replace another one by it.

        Returns False, and does nothing, if a different kernel has that id now.
        """
        with self._lock:
            current = self._kernels.get(kernel.kernel_id)
            if (current and current.admission) is not (instead_of and instead_of.admission):
                return False
            self._kernels[kernel.kernel_id] = kernel
            self._is_unpublished = True
        return True

    def update(
        self, kernel: TrackedKernel, change: Callable[[TrackedKernel], TrackedKernel]
    ) -> TrackedKernel | None:
        """Replace a kernel by what `change` returns; return that, None if it was dropped.

        `change` gets the current version, and no other thread can change it meanwhile.
        """
        with self._lock:
            current = self.now(kernel)
            if current is not None:
                current = self._kernels[kernel.kernel_id] = change(current)
                self._is_unpublished = True
        return current

    def drop(self, kernel_id: str) -> None:
        with self._lock:
            self._kernels.pop(kernel_id, None)
            self._is_unpublished = True

    # -- publishing ----

    def publish(self) -> None:
        """Bring the snapshots up to date; within a batch, at its end."""
        if _open_batch.get() is not None:
            self._is_unpublished = True
            return
        with self._publishing:  # a later call publishes the later state
            self._is_unpublished = False
            shown = sorted((each for each in self.all() if each.is_there), key=_rank)
            before = self._described
            self._described = {
                each.kernel_id: self._describe(each, before.get(each.kernel_id)) for each in shown
            }
            snapshots = tuple(each.snapshot for each in self._described.values())
            if snapshots != self._snapshots:
                self._snapshots = snapshots

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Publish the changes of this thread only once, at the end, if there are any."""
        later: list[Callable[[], None]] = []
        token = _open_batch.set(later)
        try:
            yield
        finally:
            _open_batch.reset(token)
            if self._is_unpublished:
                self.publish()
            for call in later:
                call()

    def after_publishing(self, call: Callable[[], None]) -> None:
        """Call a function now; within a batch, after that is published."""
        batch = _open_batch.get()
        if batch is None:
            call()
        else:
            batch.append(call)


def _rank(kernel: TrackedKernel) -> int:
    return kernel.rank
