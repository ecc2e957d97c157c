"""The shares of a process are read as the system writes them."""

from __future__ import annotations

import os

import pytest

from kerneltui.fleet.inspection.memory import Shares, parse_shares, shares_of

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
