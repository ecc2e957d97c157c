"""AutoLook: decides when to take a kernel's stack without a key: once each time it hangs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.condition import HANGING

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.stack.look import Diagnosing


class AutoLook:
    """Remembers for each kernel in what it hung when its stack was last taken."""

    def __init__(self) -> None:
        self._looked: dict[str, object] = {}

    def is_due(self, kernel: KernelSnapshot) -> bool:
        """Tell whether to look into the selected kernel now; True once."""
        if not (kernel.is_ours and kernel.is_heard) or kernel.word not in HANGING:
            return False
        hang = (kernel.identity, kernel.word, kernel.executions, kernel.code)
        is_new = self._looked.get(kernel.kernel_id) != hang
        self._looked[kernel.kernel_id] = hang
        return is_new


async def look_unasked(fleet: Diagnosing, kernel_id: str) -> None:
    """Take a kernel's stack, for its row. Errors are hidden: the user did not ask for it."""
    with contextlib.suppress(KernelError):
        await asyncio.to_thread(fleet.stack, kernel_id)
