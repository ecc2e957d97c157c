"""Formats are short, and stay the same while little changes."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from kerneltui import formats


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (0.0, "0"),
        (0.01, "0"),
        (0.02, "2.0"),
        (0.0994, "9.9"),
        (0.0996, "10"),
        (0.998, "100"),
        (12.8, "1280"),
    ],
)
def test_a_load_is_a_percentage_of_one_core(load: float, text: str) -> None:
    assert formats.cpu(load) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "0.98K"),
        (4 << 20, "4.00M"),
        (410 << 20, "410M"),
        (1000 << 20, "0.98G"),
        (int(31.2 * 2**30), "31.2G"),
        (2**60, "1024P"),
    ],
)
def test_memory_has_three_digits_and_a_unit(size: int, text: str) -> None:
    assert formats.memory(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B/s"), (48 << 20, "48 MB/s"), (4.8 * 2**20, "4.8 MB/s"), (999 << 10, "999 KB/s")],
)
def test_a_rate_has_two_digits_and_a_unit(size: float, text: str) -> None:
    assert formats.rate(size) == text


@pytest.mark.parametrize(
    ("values", "bars"),
    [((None, 1.0, 8.0), " ▂█"), ((0.0, 0.0), "▁▁"), ((None, None), "  ")],
)
def test_the_greatest_of_figures_fills_its_bar(values: tuple[float | None, ...], bars: str) -> None:
    assert formats.relative_sparkline(values) == bars


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (9.9, "9s"),
        (10, "10s"),
        (59, "50s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86399, "23h"),
        (400 * 86400, "400d"),
    ],
)
def test_a_duration_has_one_unit(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本", 4, "日本"),
        ("日本語", 4, "日 …"),
        ("日本語", 5, "日本…"),
        ("e\u0301tude", 5, "e\u0301tude"),
        ("abc", 0, ""),
    ],
)
def test_a_clipped_text_fits_its_cells(text: str, width: int, shown: str) -> None:
    assert formats.clip(text, width) == shown


@pytest.mark.parametrize(
    "text", ["", "a", "日本語テキスト", "😀😀😀", "e\u0301" * 9, "👩\u200d🚀 go"]
)
@pytest.mark.parametrize("width", [1, 2, 5, 12])
@pytest.mark.parametrize("align", ["left", "right"])
def test_a_fitted_text_fills_its_cells(text: str, width: int, align: formats.Align) -> None:
    assert cell_len(formats.fit(text, width, align)) == width
