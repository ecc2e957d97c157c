"""A process is younger than the order that launched it, whenever the clocks are read."""

from __future__ import annotations

import time

import pytest

from kerneltui.fleet.reconcile import heirs
from kerneltui.kernels.processes.identity import ProcessIdentity

ORDERED_AT = 100.0


class Clock:
    """Stands still while the age of a process is read for the first time."""

    def __init__(self, started_at: float, pause_before: float, pause_after: float) -> None:
        self.now = ORDERED_AT + 1.0
        self._started_at = started_at
        self._pauses = [pause_after, pause_before]

    def age(self, _process: ProcessIdentity) -> float:
        self._pause()
        age = self.now - self._started_at
        self._pause()
        return age

    def _pause(self) -> None:
        self.now += self._pauses.pop() if self._pauses else 0.0


@pytest.mark.parametrize(("pause_before", "pause_after"), [(0.0, 5.0), (5.0, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("started_after", [-1.0, 0.5])
def test_a_process_is_of_an_order_if_it_is_younger(
    started_after: float, pause_before: float, pause_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(ORDERED_AT + started_after, pause_before, pause_after)
    monkeypatch.setattr(ProcessIdentity, "age", lambda process: clock.age(process))

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: clock.now)
        is_of = heirs._is_of(ProcessIdentity(7, 1, "boot"), ORDERED_AT)

    assert is_of is (started_after > 0)
