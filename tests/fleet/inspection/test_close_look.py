"""Of the kernel that is looked at closely more is told than of all."""

from __future__ import annotations

import itertools
import os

import pytest

from kerneltui.fleet.inspection import close_look
from kerneltui.fleet.inspection.close_look import PSS_INTERVAL, CloseLook, Seen
from kerneltui.fleet.inspection.counters import Counters
from kerneltui.fleet.inspection.memory import Shares
from kerneltui.kernels.processes.identity import ProcessIdentity, identify


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> list[ProcessIdentity]:
    """One process, which at each look has read 100 bytes more and written 40."""
    looks = itertools.count()

    def counters(_process: object) -> Counters:
        number = next(looks)
        return Counters(0.0, 100 * number, 40 * number)

    sizes = (Shares(size << 20, 0) for size in itertools.count(10))
    monkeypatch.setattr(close_look, "counters_of", counters)
    monkeypatch.setattr(close_look, "shares_of", lambda _pid: next(sizes))
    found = identify(os.getpid())
    assert found is not None
    return [found]


def test_the_first_look_tells_no_rates(tree: list[ProcessIdentity]) -> None:
    assert CloseLook().look("k1", tree, now=100.0, elapsed=2.0) == Seen(10 << 20)


def test_the_next_look_tells_what_disks_did_per_second(tree: list[ProcessIdentity]) -> None:
    look = CloseLook()
    look.look("k1", tree, now=100.0, elapsed=2.0)

    assert look.look("k1", tree, now=102.0, elapsed=2.0) == Seen(10 << 20, 50, 20)


def test_memory_is_measured_again_after_a_while(tree: list[ProcessIdentity]) -> None:
    look = CloseLook()
    look.look("k1", tree, now=100.0, elapsed=2.0)

    assert look.look("k1", tree, now=100.0 + PSS_INTERVAL, elapsed=2.0).pss == 11 << 20


def test_another_kernel_is_looked_at_anew(tree: list[ProcessIdentity]) -> None:
    look = CloseLook()
    look.look("k1", tree, now=100.0, elapsed=2.0)

    assert look.look("k2", tree, now=102.0, elapsed=2.0) == Seen(11 << 20)
