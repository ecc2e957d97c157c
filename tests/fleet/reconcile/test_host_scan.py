"""What one scan of the host knows, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from kerneltui.fleet.discovery.found import Found, KernelLocation, Known
from kerneltui.fleet.reconcile.host_scan import HostScan

FILE = Path("/run/user/kernel-1.json")


class FakeDiscovery:
    def __init__(self) -> None:
        self.looks: list[Known] = []

    def look(self, known: Known) -> tuple[Found, ...]:
        self.looks.append(known)
        return ()


class FakeWhereabouts:
    """Knows `after` once it has looked."""

    def __init__(self, before: dict[Path, Any], after: dict[Path, Any]) -> None:
        self.answered = before
        self._after = after

    def look(self, _suspects: Iterable[object]) -> None:
        self.answered = self._after


@pytest.fixture
def discovery(monkeypatch: pytest.MonkeyPatch) -> FakeDiscovery:
    fake = FakeDiscovery()
    monkeypatch.setattr("kerneltui.fleet.reconcile.host_scan.Discovery", lambda: fake)
    return fake


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, {FILE: KernelLocation("gpu3", 7)}), ({FILE: None}, {})],
    ids=["a new answer", "an answer of a process that is gone"],
)
def test_what_kernels_answer_counts_within_the_same_scan(
    discovery: FakeDiscovery, before: dict[Path, Any], after: dict[Path, Any]
) -> None:
    scan = HostScan()
    scan._whereabouts = FakeWhereabouts(before, after)  # type: ignore[assignment]

    scan.look(())
    scan.ask_where(lambda _found: None)

    assert [each.answered for each in discovery.looks] == [before, after]


def test_where_nothing_new_is_answered_the_host_is_not_looked_at_again(
    discovery: FakeDiscovery,
) -> None:
    scan = HostScan()
    scan._whereabouts = FakeWhereabouts({}, {})  # type: ignore[assignment]

    scan.look((), heard=[FILE])
    scan.ask_where(lambda _found: None)

    assert [each.answered for each in discovery.looks] == [{FILE: None}]
