"""The shares of a process are read as the system writes them."""

from __future__ import annotations

import os

import pytest

from kerneltui.fleet.inspection import memory
from kerneltui.fleet.inspection.memory import Shares, memory_of, parse_shares, shares_of

ROLLUP = b"""55d-7ff ---p 00000000 00:00 0    [rollup]
Rss:                1000 kB
Pss:                 700 kB
Pss_Anon:            300 kB
Shared_Clean:        400 kB
Private_Clean:       100 kB
Private_Dirty:       300 kB
Private_Hugetlb:       8 kB
"""


@pytest.mark.parametrize(
    ("rollup", "shares"), [(ROLLUP, Shares(700 << 10, 408 << 10)), (b"", None), (b"Pss: x", None)]
)
def test_own_pages_and_parts_of_shared_ones_are_told(rollup: bytes, shares: Shares | None) -> None:
    assert parse_shares(rollup) == shares


def test_what_may_not_be_seen_is_unknown() -> None:
    assert shares_of(os.getpid()) is not None
    assert shares_of(2**22 + 1) is None


@pytest.mark.parametrize(
    ("resident", "pss", "together"),
    [
        ({1: 51}, {1: 37}, 51),
        ({1: 51, 2: 2}, {1: 37, 2: 1}, 51),
        ({1: 51, 2: 50}, {1: 30, 2: 29}, 59),
    ],
)
def test_processes_take_no_less_together_than_the_largest(
    resident: dict[int, int],
    pss: dict[int, int],
    together: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "read_resident", resident.__getitem__)
    monkeypatch.setattr(memory, "shares_of", lambda pid: Shares(pss[pid], 0))

    assert memory_of(list(resident), is_forked=False) == together


@pytest.mark.parametrize("pss", [{1: 20}, {1: 20, 2: 1}])
def test_of_a_kernel_that_was_forked_only_its_share_counts(
    pss: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "read_resident", lambda _pid: 51)
    monkeypatch.setattr(memory, "shares_of", lambda pid: Shares(pss[pid], 0))

    assert memory_of(list(pss), is_forked=True) == sum(pss.values())
