"""Where the cursor goes when its kernel is not shown any more. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def successor(cursor: str | None, before: Sequence[str], after: Collection[str]) -> str | None:
    """Return the kernel for the cursor once the rows `before` have become `after`.

    If its kernel is gone, the next kernel that stayed gets it, else the one above. A cursor
    on a kernel that was never shown waits for it.
    """
    if cursor in after or (cursor is not None and cursor not in before):
        return cursor
    place = before.index(cursor) if cursor is not None else 0
    neighbours = (*before[place:], *reversed(before[:place]))
    return next((kernel for kernel in neighbours if kernel in after), next(iter(after), None))
