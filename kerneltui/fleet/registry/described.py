"""Described: a kernel's snapshot, kept until the facts from which it was made change.

Rule: pure. Instants are of `time.monotonic()`.
"""

from __future__ import annotations

from kerneltui.fleet.control.ladder import PATIENCE
from kerneltui.fleet.diagnosis.condition import DISK, QUIET, SILENCE
from kerneltui.fleet.inspection.interpreter import is_python
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.registry.tracked_kernel import Observed, TrackedKernel, snapshot_of
from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager

SETTLED = max(QUIET, DISK, SILENCE, PATIENCE)
"""Seconds after which unchanged facts mean the same for good: no condition needs longer."""


@frozen
class Described:
    """What a front end sees of a kernel, and the facts behind it."""

    snapshot: KernelSnapshot
    basis: tuple[object, ...] = ()
    """All facts from which it was made, except the time."""
    since: float = 0.0
    """When it was first made from these facts."""
    made_at: float = 0.0

    @property
    def is_settled(self) -> bool:
        """Whether later looks at the same facts would give the same snapshot."""
        return self.made_at - self.since >= SETTLED


def described(
    kernel: TrackedKernel, observed: Observed, now: float, before: Described | None
) -> Described:
    """Describe a kernel at the instant `now`. `before`: its last description."""
    basis = _basis(kernel, observed)
    is_same = before is not None and before.basis == basis
    if before is not None and is_same and before.is_settled:
        return before
    since = before.since if before is not None and is_same else now
    return Described(snapshot_of(kernel, observed, now), basis, since, now)


def _basis(kernel: TrackedKernel, observed: Observed) -> tuple[object, ...]:
    identity = kernel.identity
    return (
        kernel,
        observed,
        identity is not None and is_python(identity),
        _told_by(kernel.manager) if kernel.manager is not None else None,
    )


def _told_by(manager: KernelManager) -> tuple[object, ...]:
    """Return those facts of a snapshot that come from the manager, which changes by itself."""
    life = manager.life
    return (
        life.status,
        life.period,
        life.spawned_at,
        manager.kernel,
        manager.kernel_name,
        manager.connection_file,
    )
