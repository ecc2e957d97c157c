"""Stopper: end a kernel step by step, until one step is enough."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Callable, Iterable, Sequence

from kerneltui.errors import KernelError, KernelTimeout
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import KernelProcess, describe_process, kill_all
from kerneltui.kernels.processes.tree import relatives
from kerneltui.protocol.status import POLITE_STOP, STOP_NOW, StopStep

KILL_PATIENCE = 5.0  # seconds at least, for a killed process to be gone

AskToEnd = Callable[[], contextlib.AbstractContextManager[object]]
"""Asks a kernel to end; the context that it returns stays open while the kernel is being ended."""

_log = logging.getLogger(__name__)


class Stopper:
    """Ends the process that serves a kernel, and knows which descendants it left behind."""

    def __init__(self, life: Lifecycle, follow_server: Callable[[], None]) -> None:
        """`follow_server`: has `life` follow the process that serves the kernel now."""
        self._life = life
        self._follow_server = follow_server
        self._killed: KernelProcess | None = None
        self.left_behind: tuple[ProcessIdentity, ...] = ()
        """Descendants that survived the last polite shutdown."""

    def kill(self, process: KernelProcess | None) -> None:
        """Kill at once; another thread that waits for the end then goes on."""
        if process is not None:
            self._killed = process
            kill_family(process)

    def stop(self, now: bool, grace: float, request_shutdown: AskToEnd) -> None:
        """Return once the process has ended, at once or within `grace` seconds.

        Raises KernelTimeout if it outlives SIGKILL.
        """
        process = self._life.process
        if process is None or not self._life.present:
            return
        family = () if now else family_of(process)
        if family:
            self._follow_server()
            process = self._life.process or process
        steps = STOP_NOW if now else POLITE_STOP
        if stop(process, steps, grace, request_shutdown) is None:
            raise KernelTimeout(f"{self._life.describe()} outlived SIGKILL; its process is stuck")
        self._life.record_exit(process)
        if self._life.process is not process:  # meanwhile another process serves the kernel
            self.stop(now, grace, request_shutdown)
            return
        self._note_left_behind(process, () if process is self._killed else family)

    def _note_left_behind(
        self, process: KernelProcess, family: tuple[ProcessIdentity, ...]
    ) -> None:
        self.left_behind = tuple(
            each for each in family if each != process.identity and each.is_alive()
        )
        if self.left_behind:
            names = ", ".join(map(describe_process, self.left_behind))
            _log.warning("%s left processes behind: %s", self._life.describe(), names)


def stop(
    process: KernelProcess,
    steps: Sequence[StopStep],
    grace: float,
    request_shutdown: AskToEnd,
) -> StopStep | None:
    """Take step after step until the process has exited; return the last one taken.

    `grace`: seconds for all steps together; each has its share. None if the process outlived all
    steps.
    """

    def take(step: StopStep) -> None:
        if process.exited:
            return
        if step.signum is None:
            try:
                requests.enter_context(request_shutdown())
            except KernelError as error:  # it is signalled then, like a kernel that does not obey
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
        # A kernel that is killed needs no grace time, but the system needs some to end it.
        patience = KILL_PATIENCE if step.signum == signal.SIGKILL else 0.0
        if wait_exit(max(patience, step.share * grace)):
            return step
    return None


def family_of(process: KernelProcess) -> tuple[ProcessIdentity, ...]:
    """Return the relatives of a kernel's process; a program that wraps it is one of them."""
    found = [each for leader in _leaders(process) for each in (leader, *relatives(leader))]
    return tuple(each for each in dict.fromkeys(found) if each != process.identity)


def _leaders(process: KernelProcess) -> Iterable[ProcessIdentity]:
    return dict.fromkeys((process.launched, process.identity))


def kill_family(process: KernelProcess) -> None:
    """SIGKILL the process group and the whole family; the process itself is not reaped here.

    A process that has ended may have left some of its family. Another user's processes, which sudo
    may have started, are left alone. Raises ProcessForbidden if the process itself is one of them.
    """
    family = family_of(process)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    for each in kill_all(family):
        _log.warning("process %s is another user's and lives on", describe_process(each))
