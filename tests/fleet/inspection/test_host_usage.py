"""The figures of a host stand still where only noise moves them."""

from __future__ import annotations

import pytest

from kerneltui.fleet.inspection.host_usage import steady


@pytest.mark.parametrize(
    ("value", "step", "before", "shown"),
    [
        (0.154, 0.01, None, 0.15),
        (0.156, 0.01, 0.15, 0.15),
        (0.144, 0.01, 0.15, 0.15),
        (0.161, 0.01, 0.15, 0.16),
        (13.4, 1.0, None, 13.0),
        (13.9, 1.0, 13.0, 13.0),
        (9.84, 0.1, 13.0, 9.8),
    ],
)
def test_a_figure_moves_when_it_is_a_step_away(
    value: float, step: float, before: float | None, shown: float
) -> None:
    assert steady(value, step, before) == shown
