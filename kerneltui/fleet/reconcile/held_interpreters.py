"""HeldInterpreters: kernels that use a processor, and cannot even say that they are busy.

Code that holds the interpreter keeps back the kernel's busy too: its last word was idle.
Control is answered beside any other code.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from kerneltui.fleet.discovery.control_poll import ControlPoll, spawns_of
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import KernelState

BUSY_CPU = 0.2  # of a core, in two samples: more than housekeeping, and little on a loaded host
ASK_INTERVAL = 5.0  # seconds until one that has answered is asked again


class HeldInterpreters:
    """Asks those that seem to be at work though they are idle.

    Used by one thread, but for `is_silent`.
    """

    def __init__(self) -> None:
        self._poll = ControlPoll[KernelManager]("kernel_info_request")
        self._answered: dict[KernelManager, float] = {}

    def look(self, kernels: Iterable[TrackedKernel], usage: Mapping[str, Usage]) -> None:
        """Ask the kernels that use a processor and said last that they are idle."""
        now = time.monotonic()
        suspects = [
            each.manager
            for each in kernels
            if each.manager is not None
            and each.may_be_asked
            and each.manager.status.state is KernelState.IDLE
            and (_is_at_work(usage.get(each.kernel_id)) or self.is_silent(each.manager))
        ]
        self._answered = {
            each: at
            for each, at in self._answered.items()
            if each in suspects and now - at < ASK_INTERVAL
        }
        unanswered = (each for each in suspects if each not in self._answered)
        self._answered |= dict.fromkeys(self._poll.look(spawns_of(unanswered)), now)

    def is_silent(self, manager: KernelManager) -> bool:
        """Tell whether it has had the time to answer, and did not."""
        return self._poll.is_silent(manager, time.monotonic())

    def close(self) -> None:
        self._poll.close()


def _is_at_work(usage: Usage | None) -> bool:
    if usage is None or usage.is_stopped:
        return False
    return min(usage.recent[-2:], default=0.0) >= BUSY_CPU
