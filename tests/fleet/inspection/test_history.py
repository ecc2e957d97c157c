"""A figure's history is bars of a minute and an hour; growth counts once it is steady."""

from __future__ import annotations

import pytest

from kerneltui.fleet.inspection.history import HOUR_BAR, MINUTE_BAR, HistoryRecorder, SlopeMeter
from kerneltui.fleet.model.history import BARS, Bars

BEGIN = 10 * HOUR_BAR
MB = 1 << 20


def minute(samples: list[tuple[float, float]]) -> Bars:
    """Return the bars of a minute after samples, whose instants count in bars."""
    recorder = HistoryRecorder(1)
    return [recorder.add(BEGIN + at * MINUTE_BAR, value) for at, value in samples][-1].minute


@pytest.mark.parametrize(
    ("samples", "known"),
    [
        ([(0, 0.5)], (0.5,)),
        ([(0, 0.5), (0.5, 1.0)], (0.8,)),
        ([(0, 0.5), (1, 1.0)], (0.5, 1.0)),
        ([(0, 0.5), (3, 1.0)], (0.5, 0.5, 0.5, 1.0)),
        ([(0, 0.5), (100, 1.0)], (*(0.5,) * 7, 1.0)),
    ],
)
def test_bars_are_means_and_what_was_before_the_first_sample_is_unknown(
    samples: list[tuple[float, float]], known: Bars
) -> None:
    assert minute(samples) == (*(None,) * (BARS - len(known)), *known)


def test_an_hour_is_kept_beside_the_minute() -> None:
    recorder = HistoryRecorder(1)
    recorder.add(BEGIN, 1.0)

    history = recorder.add(BEGIN + HOUR_BAR, 0.0)

    assert (history.minute[-2:], history.hour[-2:]) == ((1.0, 0.0), (1.0, 0.0))


def slope(sizes: list[float], every: float = 1.0) -> float:
    meter = SlopeMeter()
    return [meter.add(100 + number * every, size * MB) for number, size in enumerate(sizes)][-1]


@pytest.mark.parametrize(
    ("sizes", "every", "expected"),
    [
        pytest.param([48.0 * each for each in range(10)], 1, 48, id="seconds of growth"),
        pytest.param([48.0 * each for each in range(5)], 1, 0, id="too short to be steady"),
        pytest.param([0.1 * each for each in range(62)], 1, 0.1, id="slow growth over a minute"),
        pytest.param([48.0 * (each // 10) for each in range(41)], 1, 4.8, id="measured seldom"),
        pytest.param([48.0 * each for each in range(5)], 10, 4.8, id="sampled seldom"),
        pytest.param([60.0] * 60, 1, 0, id="quiet"),
        pytest.param([60.0] * 8 + [500.0], 1, 0, id="a jump"),
        pytest.param([500.0 - each for each in range(10)], 1, 0, id="it shrinks"),
        pytest.param(
            [48.0 * each for each in range(10)] + [480.0] * 7, 1, 0, id="growth that is over"
        ),
    ],
)
def test_growth_is_told_once_it_is_steady(
    sizes: list[float], every: float, expected: float
) -> None:
    assert slope(sizes, every) == pytest.approx(expected * MB, rel=0.05)
