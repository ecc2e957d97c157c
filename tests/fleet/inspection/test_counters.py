"""Rates are known once there are two looks, and only of what the system counts."""

from __future__ import annotations

import psutil
import pytest

from kerneltui.fleet.inspection.counters import Counters, Rates, counters_of, rates


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, Counters(1.0, 10, 20), Rates()),
        (Counters(1.0, 10, 20), Counters(2.0, 10, 60), Rates(0.5, 0.0, 20.0)),
        (Counters(1.0), Counters(1.0), Rates(0.0)),
        (Counters(1.0), Counters(1.0, 10, 20), Rates(0.0)),
    ],
)
def test_rates_are_per_second(before: Counters | None, now: Counters, expected: Rates) -> None:
    assert rates(before, now, 2.0) == expected


def test_a_process_whose_disk_use_is_secret_tells_its_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: psutil.Process) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "io_counters", refuse)

    assert counters_of(psutil.Process()).read is None
