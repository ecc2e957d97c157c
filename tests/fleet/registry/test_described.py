"""A kernel is described anew until the same facts cannot mean anything else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.diagnosis.condition import QUIET, Word
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.registry.described import SETTLED, described
from kerneltui.fleet.registry.tracked_kernel import Observed, TrackedKernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.period import Period
from kerneltui.protocol.status import KernelState, Reported, Spawned

BEGUN = 1000.0  # an instant, as all that follow


@pytest.fixture
def kernel() -> TrackedKernel:
    """A kernel that has just begun to run something."""
    manager = KernelManager()
    manager.life.advance(Spawned())
    manager.life.advance(Reported("busy", "r1", "execute_request"), at=BEGUN)
    return TrackedKernel("k1", "train", "/", manager)


def test_a_kernel_is_not_described_again_once_the_same_facts_are_old(kernel: TrackedKernel) -> None:
    first = described(kernel, Observed(), BEGUN, None)
    settled = described(kernel, Observed(), BEGUN + SETTLED, first)

    assert described(kernel, Observed(), BEGUN + SETTLED + 1, settled) is settled


def test_what_has_to_last_is_told_when_it_has_though_no_fact_has_changed(
    kernel: TrackedKernel,
) -> None:
    observed = Observed(usage=Usage(0.0, 0, 1, quiet_since=BEGUN))

    first = described(kernel, observed, BEGUN + 1, None)
    later = described(kernel, observed, BEGUN + QUIET, first)

    assert [each.snapshot.word for each in (first, later)] == [Word.BUSY, Word.WAITING]


def test_a_status_that_comes_late_is_told_at_once(kernel: TrackedKernel) -> None:
    first = described(kernel, Observed(), BEGUN, None)
    settled = described(kernel, Observed(), BEGUN + SETTLED, first)
    assert kernel.manager is not None

    kernel.manager.life.advance(Reported("idle", "r1", "execute_request"))
    now = described(kernel, Observed(), BEGUN + SETTLED + 1, settled)

    assert now.snapshot.state is KernelState.IDLE


def test_since_when_a_state_was_seen_is_told_at_once(kernel: TrackedKernel) -> None:
    assert kernel.manager is not None
    kernel.manager.life.period = Period(None, BEGUN)
    first = described(kernel, Observed(), BEGUN, None)
    settled = described(kernel, Observed(), BEGUN + SETTLED, first)

    kernel.manager.life.period = Period(None, BEGUN + SETTLED)
    now = described(kernel, Observed(), BEGUN + SETTLED + 1, settled)

    assert now.snapshot.condition.since == BEGUN + SETTLED


def test_what_our_threads_learn_late_is_told_at_once(kernel: TrackedKernel) -> None:
    first = described(kernel, Observed(), BEGUN, None)
    settled = described(kernel, Observed(), BEGUN + SETTLED, first)

    usage = Usage(0.5, 1 << 20, 1)
    now = described(kernel, Observed(usage=usage), BEGUN + SETTLED + 1, settled)

    assert now.snapshot.usage == usage


def test_what_is_tracked_late_is_told_at_once(kernel: TrackedKernel) -> None:
    first = described(kernel, Observed(), BEGUN, None)
    settled = described(kernel, Observed(), BEGUN + SETTLED, first)

    now = described(replace(kernel, name="other"), Observed(), BEGUN + SETTLED + 1, settled)

    assert now.snapshot.name == "other"
