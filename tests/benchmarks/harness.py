"""Rounds, medians and rows of the table, for all benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Way = Callable[[], float]
"""Does something once and returns the seconds that count."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Texts are ready to print."""

    what: str
    ours: str
    other: str
    figure: str
    goal: str
    reached: bool | None
    """None if there is no goal."""


def seconds(action: Callable[[], object]) -> float:
    """Return how long `action` takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def medians(ways: Mapping[str, Way], rounds: int) -> dict[str, float]:
    """Return the median of each way over `rounds`. In each round every way runs once.

    The order rotates, so that no way always comes after the same other way.
    """
    names = list(ways)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            taken[name].append(ways[name]())
    return {name: median(values) for name, values in taken.items()}


def ratio_row(
    what: str,
    ours: float,
    other: float,
    against: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    show: Callable[[float], str] | None = None,
) -> Row:
    """Return a row whose figure is ours divided by the other."""
    show = show or show_time
    ratio = ours / other
    if at_most is not None:
        goal, reached = f"<= {at_most:g}", ratio <= at_most
    elif at_least is not None:
        goal, reached = f">= {at_least:g}", ratio >= at_least
    else:
        goal, reached = "-", None
    return Row(what, show(ours), f"{show(other)} {against}", f"{ratio:.3g}", goal, reached)


def limit_row(
    what: str,
    figure: float,
    at_most: float,
    *,
    ours: str,
    other: str = "-",
    show: Callable[[float], str] | None = None,
) -> Row:
    """Return a row whose figure is compared with a limit."""
    show = show or show_time
    return Row(what, ours, other, show(figure), f"<= {show(at_most)}", figure <= at_most)


def show_time(value: float) -> str:
    """Return seconds in a unit that suits their size."""
    if abs(value) >= 1:
        return f"{value:.2f} s"
    if abs(value) >= 0.001:
        return f"{value * 1e3:.3g} ms"
    return f"{value * 1e6:.3g} µs"


def format_row(row: Row | None) -> str:
    """Return a row of the table as text; the head of the table for None."""
    if row is None:
        cells = ("what", "ours", "against", "figure", "to reach", "reached")
    else:
        reached = {True: "yes", False: "no", None: "-"}[row.reached]
        cells = (row.what, row.ours, row.other, row.figure, row.goal, reached)
    what, *rest = cells
    return f"{what:<44}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(rest, (10, 17, 10, 11, 9), strict=True)
    )
