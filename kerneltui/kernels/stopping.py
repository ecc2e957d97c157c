"""How a kernel is brought to its end: a ladder of steps, climbed until one suffices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kerneltui.protocol.status import StopStep


def climb(
    steps: Sequence[StopStep],
    grace: float,
    take_step: Callable[[StopStep], None],
    wait_exit: Callable[[float], bool],
) -> StopStep | None:
    """Take step after step until the process has exited; return the one that sufficed.

    `grace`: seconds for the whole ladder, of which each step has its share. None where the
    process outlived them all.
    """
    for step in steps:
        take_step(step)
        if wait_exit(step.share * grace):
            return step
    return None
