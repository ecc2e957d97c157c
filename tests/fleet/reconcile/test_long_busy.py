"""A kernel that has been at one request for long is told, once for each request."""

from __future__ import annotations

import pytest

from kerneltui.fleet.reconcile.long_busy import LONG, LongBusy
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import Reported


@pytest.fixture
def manager() -> KernelManager:
    return KernelManager()


def report(manager: KernelManager, word: str, request: str = "a") -> None:
    manager.life.advance(Reported(word, request, "execute_request"))


def test_a_request_that_takes_long_is_told_once(manager: KernelManager) -> None:
    watch = LongBusy()
    report(manager, "busy")

    told = [watch.look([manager], now) for now in (0.0, LONG - 1, LONG, LONG + 1, 3 * LONG)]

    assert told == [[], [], [manager], [], []]


def test_each_request_has_a_time_of_its_own(manager: KernelManager) -> None:
    watch = LongBusy()
    report(manager, "busy", "a")
    watch.look([manager], 0.0)
    report(manager, "idle", "a")
    report(manager, "busy", "b")

    told = [watch.look([manager], now) for now in (LONG, 2 * LONG)]

    assert told == [[], [manager]]


def test_an_idle_kernel_is_never_told(manager: KernelManager) -> None:
    watch = LongBusy()
    report(manager, "idle")

    assert [watch.look([manager], now) for now in (0.0, 2 * LONG)] == [[], []]
