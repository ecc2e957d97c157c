"""BulkProgress: how many orders of a batch are done, as seen from the kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

BAR = 10  # cells
FULL, EMPTY = "█", "░"


class BulkProgress:
    """One batch of orders: from the first pending order until none is pending."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._kernels: Sequence[KernelSnapshot] = ()
        """The kernels of the last call."""
        self._told = ""

    def follow(self, kernels: Sequence[KernelSnapshot]) -> str:
        """Return the batch's progress in words; empty if it has fewer than two orders."""
        if kernels is not self._kernels:
            self._kernels, self._told = kernels, self._look(kernels)
        return self._told

    def _look(self, kernels: Sequence[KernelSnapshot]) -> str:
        pending = {kernel.kernel_id: kernel.pending for kernel in kernels if kernel.pending}
        self._words = self._words | pending if pending else {}
        total = len(self._words)
        if total < 2:
            return ""
        ((word, _),) = Counter(self._words.values()).most_common(1)
        done = total - len(pending)
        filled = BAR * done // total
        return f"{word} {FULL * filled}{EMPTY * (BAR - filled)} {done} of {total}"
