"""Which columns of the kernel table fit a width, and how wide each is then. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from kerneltui.tui.table.columns import BY_ID, CODE, NAME, Column, ColumnIds

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

GAP = 1  # cells between two columns
MOST_CODE = 30  # cells of code for which minor columns are hidden
MINOR = 6
"""From this priority on, a column is worth less than names in full."""

Needs = tuple[tuple[str, int], ...]
"""Column ids, and the cells that these columns need; only of columns with a `need`."""


def needs_of(ids: ColumnIds, kernels: Iterable[KernelSnapshot]) -> Needs:
    """Return the cells that the columns need for what they show of `kernels`."""
    kernels = tuple(kernels)
    return tuple(
        (each, min(column.most, max(map(column.need, kernels), default=0)))
        for each in ids
        if (column := BY_ID[each]).need is not None
    )


@functools.lru_cache(maxsize=8)
def fitting(ids: ColumnIds, width: int, skipped: int = 0, needs: Needs = ()) -> tuple[Column, ...]:
    """Return the columns of `ids` that fit into `width` cells; one of them grows to fill it.

    If none is scrolled away, columns are hidden by priority. If `skipped` columns are scrolled
    away, the name stays and the others follow in their order.
    """
    least = _least(ids, needs)
    if skipped:
        shown = [least[NAME], *[least[each] for each in ids if each != NAME][skipped:]]
        while len(shown) > 2 and _total(shown) > width:
            shown.pop()
    else:
        shown = [least[each] for each in ids]
        by_priority = sorted(shown, key=lambda column: column.priority)
        while _wanted(shown, by_priority[-1], needs) > width and by_priority[-1].priority > 0:
            shown.remove(by_priority.pop())
    return _filled([_widened(each, width - _total(shown), needs) for each in shown], width)


def _least(ids: ColumnIds, needs: Needs) -> dict[str, Column]:
    """Return the columns with their least widths; one that does not grow has what it needs."""
    found = {each: BY_ID[each] for each in ids}
    for each, cells in needs:
        if not found[each].grows:
            found[each] = replace(found[each], width=max(found[each].width, cells))
    return found


def _wanted(shown: list[Column], last: Column, needs: Needs) -> int:
    """Return the cells that columns want; `last` is the first to be hidden.

    A minor column is hidden if names or code would be cut for it. So is a column that shows
    nothing of any kernel.
    """
    if last.priority < MINOR and dict(needs).get(last.id) != 0:
        return _total(shown)
    return _total([_widened(each, MOST_CODE, (*needs, (CODE, MOST_CODE))) for each in shown])


def _widened(column: Column, left: int, needs: Needs) -> Column:
    """Return the column, widened to what it needs by at most the `left` cells."""
    wanted = dict(needs).get(column.id, 0) - column.width
    return replace(column, width=column.width + max(0, min(left, wanted)))


def _filled(columns: list[Column], width: int) -> tuple[Column, ...]:
    """Let the last column that grows take the cells that are left, or give up missing ones."""
    left = width - _total(columns)
    place = max(place for place, column in enumerate(columns) if column.grows)
    grown = replace(columns[place], width=max(0, columns[place].width + left))
    return (*columns[:place], grown, *columns[place + 1 :])


def most_skipped(ids: ColumnIds, width: int, needs: Needs = ()) -> int:
    """Return how many columns can be scrolled away: none if all are visible."""
    everything = list(_least(ids, needs).values())
    return 0 if _total(everything) <= width else max(0, len(ids) - 2)


def _total(columns: list[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)
