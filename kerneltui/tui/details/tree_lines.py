"""The lines that join a process to its parent, as pstree(1) draws them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MAX_DEPTH = 8  # levels that are drawn; with more of them the command would not be visible


def tree_lines(depths: Sequence[int]) -> list[str]:
    """Return the lines to draw before each process. A process comes after its parent.

    `depths`: 0 for a process without a parent among them.
    """
    return ["".join(_pieces(depths, place))[-2 * MAX_DEPTH :] for place in range(len(depths))]


def _pieces(depths: Sequence[int], place: int) -> Iterator[str]:
    depth = depths[place]
    for level in range(1, depth):
        yield "│ " if _goes_on(depths, place, level) else "  "
    if depth:
        yield "├ " if _goes_on(depths, place, depth) else "└ "


def _goes_on(depths: Sequence[int], place: int, level: int) -> bool:
    """Tell whether another process of `level` and of the same parent comes later."""
    for depth in depths[place + 1 :]:
        if depth <= level:
            return depth == level
    return False
