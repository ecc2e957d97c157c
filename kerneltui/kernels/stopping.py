"""How a kernel is brought to its end: a ladder of steps, climbed until one suffices."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Callable, Iterable, Sequence

from kerneltui.errors import KernelError
from kerneltui.kernels.control import ControlRequest
from kerneltui.kernels.family import relatives
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.process import KernelProcess, kill_process
from kerneltui.protocol.status import StopStep

KILL_PATIENCE = 5.0  # seconds at least, for a killed process to be gone

_log = logging.getLogger(__name__)


def stop(
    process: KernelProcess,
    steps: Sequence[StopStep],
    grace: float,
    request_shutdown: Callable[[], ControlRequest],
) -> StopStep | None:
    """Take step after step until the process has exited; return the one that sufficed.

    `grace`: seconds for the whole ladder, of which each step has its share. None where the
    process outlived them all.
    """

    def take(step: StopStep) -> None:
        if process.exited:
            return
        if step.signum is None:
            try:
                requests.enter_context(request_shutdown())
            except KernelError as error:  # it is signalled then, as one that does not obey
                _log.warning("a kernel cannot be asked to end: %s", error)
            return
        with contextlib.suppress(ProcessLookupError):  # gone meanwhile: the goal is met
            process.send_signal(step.signum)

    with contextlib.ExitStack() as requests:
        return climb(steps, grace, take, process.wait)


def climb(
    steps: Sequence[StopStep],
    grace: float,
    take_step: Callable[[StopStep], None],
    wait_exit: Callable[[float], bool],
) -> StopStep | None:
    """See `stop`."""
    for step in steps:
        take_step(step)
        # No grace is asked of a kernel that is killed, but the system needs its time.
        patience = KILL_PATIENCE if step.signum == signal.SIGKILL else 0.0
        if wait_exit(max(patience, step.share * grace)):
            return step
    return None


def family_of(process: KernelProcess) -> tuple[ProcessIdentity, ...]:
    """Return what a kernel and the program that wraps it have begun, and that program."""
    found = [each for leader in _leaders(process) for each in (leader, *relatives(leader))]
    return tuple(each for each in dict.fromkeys(found) if each != process.identity)


def _leaders(process: KernelProcess) -> Iterable[ProcessIdentity]:
    return dict.fromkeys((process.launched, process.identity))


def kill_family(process: KernelProcess) -> None:
    """SIGKILL the group and all of the family; the process is left to be reaped.

    One that has ended may have left some of it.
    """
    family = family_of(process)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    for each in family:
        kill_process(each)
