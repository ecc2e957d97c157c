"""What a kernel is doing, derived from facts; how it is stopped and restarted.

Rule: facts in, state out. Nothing here imports zmq, reads a clock or raises an error for what a
kernel sent. A monitor watches a process from outside, through a socket that may lose messages:
so events may come in any order.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from kerneltui.frozen import frozen


class KernelState(StrEnum):
    """One word for what a kernel does; the words are JupyterLab's."""

    UNKNOWN = "unknown"
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    RESTARTING = "restarting"
    TERMINATING = "terminating"
    DEAD = "dead"


RUNS: Mapping[KernelState, bool] = {KernelState.BUSY: True, KernelState.IDLE: False}
"""Whether a kernel runs code; states that do not tell are left out."""


class Wanted(StrEnum):
    """What its owner ordered; kept apart from what the kernel does."""

    UP = "up"
    DOWN = "down"
    RESTART = "restart"


UNHEARD = ""
"""Stands for the msg_id of a request whose busy status was not received."""
MAX_OPEN = 8  # requests without an idle that are remembered; a kernel that never sends one has many


@frozen
class KernelStatus:
    """The known facts about one kernel."""

    launched: bool = True
    """Started by us: until it sends something it is starting, not unknown."""
    wanted: Wanted = Wanted.UP
    exited: bool = False
    """Its process has ended. A fact of its own: only a parent process learns a return code."""
    returncode: int | None = None
    heard: bool = False
    """This process has sent something, or its server has told its state."""
    server_reported: bool = False
    """The state was told by its server; the kernel itself has sent nothing yet."""
    running: str | None = None
    """msg_id of the latest request between its busy and its idle; None if there is none, UNHEARD if
    it began before the monitor listened."""
    open: tuple[str, ...] = ()
    """msg_ids of earlier requests whose idle has not come either, oldest first."""
    sends_idle: bool = False
    """This process has sent an idle for a request: so one without an idle may still run."""
    reason: str = ""
    """Why the last order failed, or why the kernel is gone; empty if all is well."""

    @property
    def state(self) -> KernelState:
        if self.wanted is Wanted.RESTART:
            return KernelState.RESTARTING
        if self.exited:
            return KernelState.DEAD
        if self.wanted is Wanted.DOWN:
            return KernelState.TERMINATING
        if not self.heard:
            return KernelState.STARTING if self.launched else KernelState.UNKNOWN
        return KernelState.BUSY if self.unfinished else KernelState.IDLE

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The msg_ids of all requests between their busy and their idle, the latest last."""
        return self.open if self.running is None else (*self.open, self.running)

    @property
    def is_doubtful(self) -> bool:
        """It counts as busy, but some kernels leave out an idle; a reply on shell would tell."""
        return self.state is KernelState.BUSY and bool(self.open or not self.sends_idle)


@frozen
class Spawned:
    """A new process serves this kernel; messages of the one before do not count."""

    adopted: bool = False
    """Found running: its state is unknown until it sends something."""


@frozen
class Exited:
    returncode: int | None
    reason: str = ""


@frozen
class HandedOver:
    """Another process than the launched one serves the kernel: nothing has begun or ended."""


@frozen
class Reported:
    """A status message on iopub."""

    execution_state: str
    parent_id: str
    parent_type: str
    subshell_id: str | None = None


@frozen
class Ordered:
    wanted: Wanted
    reason: str = ""


@frozen
class Answered:
    """A reply came on shell from the present process: it is up, even if iopub was silent."""

    over: tuple[str, ...] = ()
    """Requests that are over when it replies, though their idle may never come."""


@frozen
class BusyElsewhere:
    """A reply came on control but not on shell: a request runs that began before we listened."""


@frozen
class ServerReported:
    """Its server tells what it does. What the kernel itself has sent counts more."""

    busy: bool


Event = (
    Spawned | Exited | HandedOver | Answered | BusyElsewhere | ServerReported | Reported | Ordered
)

# Usually handled beside the main shell: their busy and idle say nothing about it. A kernel_info
# request may come on either channel; it is too short to be worth showing as busy.
BESIDE_THE_MAIN_SHELL = frozenset(
    {
        "create_subshell_request",
        "debug_request",
        "delete_subshell_request",
        "interrupt_request",
        "kernel_info_request",
        "list_subshell_request",
        "shutdown_request",
        "usage_request",
    }
)
QUESTIONS = BESIDE_THE_MAIN_SHELL | {
    "comm_info_request",
    "complete_request",
    "connect_request",
    "history_request",
    "inspect_request",
    "is_complete_request",
}
"""Requests that run nothing; consoles send them by themselves, ours as well."""


def advance(status: KernelStatus, event: Event) -> KernelStatus:
    """Return the facts after `event`."""
    match event:
        case Spawned(adopted):
            return KernelStatus(launched=not adopted)
        case Exited(returncode, reason):
            status = replace(status, exited=True, returncode=returncode, reason=reason)
            return replace(status, running=None, open=())
        case HandedOver():
            return status
        case Ordered(wanted, reason):
            return replace(status, wanted=wanted, reason=reason)
        case Answered(over):
            status = replace(status, heard=True, server_reported=False)
            return _without(status, (*over, UNHEARD))
        case BusyElsewhere():
            return status if status.heard else replace(status, heard=True, running=UNHEARD)
        case ServerReported(busy):
            if status.heard and not status.server_reported:
                return status
            return replace(
                status, heard=True, server_reported=True, running=UNHEARD if busy else None
            )
        case Reported():
            return _report(status, event)


def begins_anew(before: KernelStatus, event: Event) -> bool:
    """Tell whether the kernel's present activity began with `event`.

    A request that was found running may turn out to be one whose busy was recorded.
    """
    after = advance(before, event)
    is_found = isinstance(event, Reported) and before.unfinished == (UNHEARD,) != after.unfinished
    return is_found or after.state is not before.state


def tells_the_moment(before: KernelStatus, event: Event) -> bool:
    """Tell whether `event` comes when the state changes; other events may come much later.

    A request that was never heard is only assumed from a late reply; there may have been none.
    """
    if isinstance(event, BusyElsewhere | ServerReported):
        return False
    if not isinstance(event, Answered):
        return True
    return (before.heard or before.launched) and before.unfinished != (UNHEARD,)


def _report(status: KernelStatus, event: Reported) -> KernelStatus:
    if event.execution_state == "starting":
        return replace(status, running=None, open=())
    if event.execution_state not in ("busy", "idle"):
        return status
    if event.execution_state == "idle" and event.parent_id:
        status = replace(status, sends_idle=True)
    if event.subshell_id is not None or event.parent_type in BESIDE_THE_MAIN_SHELL:
        # A kernel that was found running may send this while a cell runs.
        return replace(status, heard=status.heard or status.launched)
    status = replace(status, heard=True, server_reported=False)
    if event.execution_state == "busy":
        return _begin(status, event)
    is_known = event.parent_id in status.unfinished
    return _without(status, (event.parent_id,) if is_known else (UNHEARD,))


def _begin(status: KernelStatus, event: Reported) -> KernelStatus:
    """Return the facts after a busy.

    A kernel does not tell on which channel a request came, and while a cell runs it still takes any
    request on control. So a request is over only at its own idle, not at that of another request.
    The exception is a kernel that has sent no idle yet: when it begins later code, the earlier
    request is over and its idle was lost.
    """
    is_late = event.parent_type == "execute_request" and not status.sends_idle
    before = () if is_late else status.unfinished
    others = tuple(each for each in before if each != event.parent_id)
    return replace(status, running=event.parent_id, open=others[-MAX_OPEN:])


def _without(status: KernelStatus, over: tuple[str, ...]) -> KernelStatus:
    """Return the facts once these requests are over."""
    return replace(
        status,
        running=None if status.running in over else status.running,
        open=tuple(each for each in status.open if each not in over),
    )


@frozen
class StopStep:
    """One step on the way to end a kernel."""

    signum: int | None
    """The signal to the process group; None for a shutdown_request on control."""
    share: float
    """The part of the grace time that passes before the next step."""


POLITE_STOP = (StopStep(None, 0.5), StopStep(signal.SIGTERM, 0.5), StopStep(signal.SIGKILL, 1.0))
STOP_NOW = (StopStep(signal.SIGKILL, 1.0),)


@frozen
class RestartPolicy:
    """Whether a kernel that died without an order is started again."""

    limit: int = 5
    """Restarts in a row; jupyter_client's `restart_limit`."""
    stable_time: float = 10.0
    """Seconds of life after which earlier deaths do not count; jupyter_client's
    `stable_start_time`."""
    backoff: float = 0.5
    """Seconds before the second restart in a row, doubled for each further one."""

    @property
    def longest_delay(self) -> float:
        """The seconds before the last restart in a row."""
        return self.delay(self.limit - 1) or 0.0

    def restarts_in_a_row(self, before: int, lifetime: float) -> int:
        """Return how many restarts in a row count once a process lived `lifetime` seconds."""
        return 0 if lifetime >= self.stable_time else before

    def delay(self, restarts: int) -> float | None:
        """Return the seconds to wait before the next restart, None if it is given up."""
        if restarts >= self.limit:
            return None
        return 0.0 if restarts == 0 else self.backoff * 2.0 ** (restarts - 1)
