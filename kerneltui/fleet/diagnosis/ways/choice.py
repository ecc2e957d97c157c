"""Chooses the way to look up a stack: the least disturbing one that works."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.stack import Refusal, Stack, StackThread, Way
from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

WHY_WIDTH = 200  # characters


class CannotLook(KernelError, RuntimeError):
    """A way to look into a kernel that does not work for it now."""


@frozen
class Found:
    """What a way has found."""

    threads: tuple[StackThread, ...]
    notes: tuple[str, ...] = ()


Look = Callable[[], Found]
"""May raise CannotLook with the reason."""


def first_that_works(ways: Iterable[tuple[Way, Look]]) -> Stack:
    """Return the stack by the first way that works, with why those before it did not.

    Raises CannotLook if none does.
    """
    refused: list[Refusal] = []
    for way, look in ways:
        try:
            found = look()
        except CannotLook as error:
            refused.append(Refusal(way, clean_line(str(error), WHY_WIDTH)))
        else:
            return Stack(way, found.threads, tuple(refused), found.notes)
    raise CannotLook("; ".join(f"{each.way}: {each.why}" for each in refused))
