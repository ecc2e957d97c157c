"""AutoLook: which kernel is looked into without being asked for, once for each time it hangs."""

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
    """Remembers for each kernel what it hung in when it was last looked into."""

    def __init__(self) -> None:
        self._looked: dict[str, object] = {}

    def is_due(self, kernel: KernelSnapshot) -> bool:
        """Tell whether to look into the selected kernel now; True once."""
        if not kernel.is_ours or kernel.word not in HANGING:
            return False
        hang = (kernel.identity, kernel.word, kernel.executions, kernel.code)
        is_new = self._looked.get(kernel.kernel_id) != hang
        self._looked[kernel.kernel_id] = hang
        return is_new


async def look_unasked(fleet: Diagnosing, kernel_id: str) -> None:
    """Look into a kernel, so that its row tells where it stands; what fails was not asked for."""
    with contextlib.suppress(KernelError):
        await asyncio.to_thread(fleet.stack, kernel_id)
