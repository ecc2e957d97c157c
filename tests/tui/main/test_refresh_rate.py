"""The screen follows the kernels at the rate that was asked for."""

from __future__ import annotations

import pytest

from kerneltui.tui.main.refresh_rate import STEPS, UNWATCHED, RefreshRate


def test_the_first_look_is_due_at_once() -> None:
    assert RefreshRate(1.0).is_due(0.0)


@pytest.mark.parametrize(("passed", "due"), [(0.9, False), (1.0, True)])
def test_a_look_is_due_after_the_interval(passed: float, due: bool) -> None:
    rate = RefreshRate(1.0)
    rate.is_due(0.0)

    assert rate.is_due(passed) is due


def test_nothing_is_due_while_paused() -> None:
    assert not RefreshRate(1.0, paused=True).is_due(0.0)


@pytest.mark.parametrize(("interval", "slowest"), [(0.2, UNWATCHED), (5.0, 5.0)])
def test_without_the_focus_it_looks_seldom(interval: float, slowest: float) -> None:
    rate = RefreshRate(interval, watched=False)
    rate.is_due(0.0)

    assert not rate.is_due(slowest - 0.1)
    assert rate.is_due(slowest)


@pytest.mark.parametrize(
    ("interval", "slower", "faster"), [(1.0, 2.0, 0.5), (0.3, 0.5, 0.2), (60.0, 10.0, 10.0)]
)
def test_the_rate_changes_by_steps(interval: float, slower: float, faster: float) -> None:
    slow, fast = RefreshRate(interval), RefreshRate(interval)
    slow.slow_down()
    fast.hasten()

    assert (slow.interval, fast.interval) == (slower, faster)


def test_the_steps_end() -> None:
    slow, fast = RefreshRate(STEPS[-1]), RefreshRate(STEPS[0])
    slow.slow_down()
    fast.hasten()

    assert (slow.interval, fast.interval) == (STEPS[-1], STEPS[0])


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (RefreshRate(0.2), ""),
        (RefreshRate(0.5), "every 0.5 s"),
        (RefreshRate(0.2, paused=True), "paused"),
    ],
)
def test_it_says_what_is_unusual(rate: RefreshRate, shown: str) -> None:
    assert rate.shown == shown
