"""Snapshots are made anew where something may have changed, and no more often than that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.registry.described import Described
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from tests.tui.fakes import snapshot

FOUND = Found("k", Path("/run/kernel-k.json"), None, None, Origin.UNKNOWN, None, Liveness.STALE)
KERNEL = TrackedKernel("k", "one", "/", None, found=FOUND)


class Counted:
    """A registry that counts how often its kernel is described."""

    def __init__(self) -> None:
        self.count = 0
        self.registry = KernelRegistry(self._describe)
        self.registry.admit(KERNEL)
        self.registry.publish()
        self.count = 0

    def _describe(self, kernel: TrackedKernel, _before: Described | None) -> Described:
        self.count += 1
        return Described(snapshot(kernel.kernel_id, name=kernel.name))


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_a_batch_in_which_nothing_happens_makes_no_snapshots(counted: Counted) -> None:
    with counted.registry.batch():
        pass

    assert counted.count == 0


def test_a_batch_shows_at_its_end_and_once_what_was_changed_in_it(counted: Counted) -> None:
    with counted.registry.batch():
        for name in ("two", "three"):
            counted.registry.update(KERNEL, lambda now: replace(now, name=name))  # noqa: B023
            counted.registry.publish()

    assert [each.name for each in counted.registry.snapshots] == ["three"]
    assert counted.count == 1


def test_a_batch_shows_a_kernel_that_came_and_one_that_went(counted: Counted) -> None:
    with counted.registry.batch():
        counted.registry.drop("k")
        counted.registry.admit(replace(KERNEL, kernel_id="other"))

    assert [each.kernel_id for each in counted.registry.snapshots] == ["other"]
