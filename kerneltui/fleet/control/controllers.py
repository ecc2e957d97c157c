"""Controllers: carry out the verbs on a kernel, one class for each kind of kernel. They block.

Every method returns a sentence to show, or "", and raises KernelError. Which verb is refused for
which kind is in `capabilities`.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from kerneltui.errors import ActionRefused, KernelError, KernelTimeout
from kerneltui.fleet.control.interrupts import read_reaction
from kerneltui.fleet.control.stale_files import left_by_others, may_be_of_one_to_come
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.model.capabilities import LOST, NO_PROCESS
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.servers import rest
from kerneltui.fleet.servers.jupyter_server import JupyterServer
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.management.shutdown import kill_family
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.status import Wanted

ANSWER_TIME = 1.0  # seconds for a reply on control
END_TIME = 5.0  # seconds to end after a shutdown request; jupyter_client's
SERVER_TIME = 30.0  # seconds for a server to carry out an order


class KernelController(Protocol):
    """Carries out the verbs on one kernel."""

    def interrupt(self) -> str: ...
    def signal(self, signum: int) -> str: ...
    def restart(self, *, now: bool) -> str: ...
    def shutdown(self) -> str: ...
    def kill(self) -> str: ...
    def verify(self) -> str: ...


class OwnController:
    """A kernel of ours, started here or adopted."""

    def __init__(
        self,
        kernels: MultiKernelManager,
        kernel_id: str,
        name: str,
        meant: ProcessIdentity | None,
    ) -> None:
        """`meant`: the process to interrupt or signal; the kernel may have another one later."""
        self._kernels = kernels
        self._kernel_id = kernel_id
        self._name = name
        self._meant = meant

    def interrupt(self) -> str:
        self._kernels.get_kernel(self._kernel_id).interrupt_kernel(self._meant)
        return ""

    def signal(self, signum: int) -> str:
        manager = self._kernels.get_kernel(self._kernel_id)
        with _ended_by(signum, manager):
            manager.signal_kernel(signum, self._meant)
        return ""

    def restart(self, *, now: bool) -> str:
        self._kernels.restart_kernel(self._kernel_id, now=now)
        return ""

    def shutdown(self) -> str:
        self._kernels.shutdown_kernel(self._kernel_id)
        return ""

    def kill(self) -> str:
        self._kernels.get_kernel(self._kernel_id).kill_kernel()
        return ""

    def verify(self) -> str:
        return ask_whether_it_answers(self._kernels.get_kernel(self._kernel_id), self._name)


class ExternalController:
    """A kernel that something else started, and that belongs to no server."""

    def __init__(self, manager: KernelManager, name: str) -> None:
        self._manager = manager
        self._name = name
        self._meant = manager.process
        """Its process when the order was given: the manager may follow another one later."""

    def interrupt(self) -> str:
        """Ask by message; without a reply, send SIGINT if the kernel is known to handle it."""
        if not self._manager.shell_port:  # it could not hear a message either
            return self.signal(signal.SIGINT)
        if self._request("interrupt_request", {}):
            return ""
        if self._meant is None or not _takes_sigint(self._manager, self._meant):
            raise KernelTimeout(f"{self._name} has not answered the interrupt; it may still obey")
        self.signal(signal.SIGINT)
        return f"{self._name} has not answered, so it was sent SIGINT as well"

    def signal(self, signum: int) -> str:
        with self._gone_is_refused(), _ended_by(signum, self._manager):
            self._process.send_signal(signum)
        return ""

    def restart(self, *, now: bool) -> str:  # noqa: ARG002 -- every controller has it
        raise ActionRefused(f"cannot restart {self._name}: {LOST}")

    def shutdown(self) -> str:
        process = self._meant
        content: dict[str, object] = {"restart": False}
        if process is None:
            self._request("shutdown_request", content)
            return f"{self._name} was asked to shut down; whether it did is not visible from here"
        with (
            _ordered(self._manager, Wanted.DOWN),
            self._manager.control_request("shutdown_request", content),  # open, so that it arrives
        ):
            if not process.wait(END_TIME):
                raise KernelTimeout(
                    f"{self._name} was asked to shut down and still runs after {END_TIME:.0f} s; "
                    "a kill ends it"
                )
        return ""

    def kill(self) -> str:
        process = self._process
        with self._gone_is_refused(), _ordered(self._manager, Wanted.DOWN):
            kill_family(process)
            process.wait(END_TIME)
        return ""

    def verify(self) -> str:
        return ask_whether_it_answers(self._manager, self._name)

    @property
    def _process(self) -> KernelProcess:
        if self._meant is None:
            raise ActionRefused(f"cannot signal {self._name}: {NO_PROCESS}")
        return self._meant

    def _request(self, msg_type: str, content: dict[str, object]) -> bool:
        """Tell whether a message on control was answered in time."""
        with self._manager.control_request(msg_type, content) as request:
            return request.reply(ANSWER_TIME) is not None

    @contextlib.contextmanager
    def _gone_is_refused(self) -> Iterator[None]:
        try:
            yield
        except ProcessLookupError:
            raise ActionRefused(f"{self._name} is gone") from None


class StaleFileController(ExternalController):
    """A file without a kernel: `capabilities` allows only its removal."""

    def __init__(
        self, manager: KernelManager, name: str, look_again: Callable[[], Found | None]
    ) -> None:
        """`look_again`: returns the fresh state of the file; None if it is gone."""
        super().__init__(manager, name)
        self._look_again = look_again

    def shutdown(self) -> str:
        """Remove the files, unless a kernel uses them now."""
        found = self._look_again()
        if found is None:
            return ""
        if found.liveness is not Liveness.STALE:
            raise ActionRefused(f"{self._name} is {found.liveness} now; nothing was removed")
        if may_be_of_one_to_come(found):
            raise ActionRefused(
                f"the file of {self._name} was just written: its kernel may be about to start"
            )
        for path in left_by_others(found):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise ActionRefused(f"{path} cannot be removed: {error.strerror}") from None
        return ""


class ServerController(ExternalController):
    """A kernel of a Jupyter server; the server is asked to act, so that it knows of it."""

    def __init__(
        self, manager: KernelManager, name: str, find_server: Callable[[], JupyterServer]
    ) -> None:
        """`find_server`: returns the server; raises KernelError if it is gone."""
        super().__init__(manager, name)
        self._find_server = find_server

    def interrupt(self) -> str:
        rest.interrupt(self._find_server(), self._manager.kernel_id, SERVER_TIME)
        return ""

    def restart(self, *, now: bool) -> str:
        """Have the server restart it. `now`: kill it first, as the server would ask and wait."""
        server = self._find_server()
        if now:
            with contextlib.suppress(ActionRefused):
                super().kill()
        with _ordered(self._manager, Wanted.RESTART):
            rest.restart(server, self._manager.kernel_id, SERVER_TIME)
        return ""

    def shutdown(self) -> str:
        server = self._find_server()
        with _ordered(self._manager, Wanted.DOWN):
            rest.shutdown(server, self._manager.kernel_id, SERVER_TIME)
        return ""

    def kill(self) -> str:
        """Send SIGKILL, and have the server forget the kernel, or it would start it again."""
        super().kill()
        try:
            rest.shutdown(self._find_server(), self._manager.kernel_id, SERVER_TIME)
        except KernelError as error:
            return f"{self._name} was killed, and its server may start it again: {error}"
        return ""


@contextlib.contextmanager
def _ordered(manager: KernelManager, wanted: Wanted) -> Iterator[None]:
    """Mark the end of the process as wanted, so that it does not count as a death."""
    before = manager.status.wanted
    manager.life.order(wanted)
    try:
        yield
    except BaseException:
        manager.life.order(before)
        raise


@contextlib.contextmanager
def _ended_by(signum: int, manager: KernelManager) -> Iterator[None]:
    """Mark an end by SIGKILL as wanted, and wait for it; do nothing for other signals."""
    if signum != signal.SIGKILL:
        yield
        return
    with _ordered(manager, Wanted.DOWN):
        yield
    if manager.process is not None:
        manager.process.wait(END_TIME)


def ask_to_interrupt(manager: KernelManager, name: str) -> str:
    """Ask a kernel by message to interrupt itself, whatever its kernelspec says."""
    with manager.control_request("interrupt_request", {}) as request:
        is_heard = request.reply(ANSWER_TIME) is not None
    return "" if is_heard else f"{name} has not answered the interrupt; it may still obey"


def ask_whether_it_answers(manager: KernelManager, name: str) -> str:
    """Return a sentence on how fast a kernel answered a signed question. Raises KernelTimeout.

    It is asked on control, so that it can answer while it runs a cell.
    """
    begun = time.monotonic()
    with manager.control_request("kernel_info_request", {}) as request:
        if request.reply(ANSWER_TIME) is None:
            raise KernelTimeout(
                f"{name} has not answered on control in {ANSWER_TIME:.0f} s: it is stopped, "
                "runs code that blocks its other threads, or is not the kernel of its file"
            )
    return f"{name} has answered on control after {(time.monotonic() - begun) * 1000:.0f} ms"


def _takes_sigint(manager: KernelManager, process: KernelProcess) -> bool:
    """Tell whether SIGINT interrupts a kernel and does not end it.

    The kernelspec must want a signal, and the process must not die of it. If the kernelspec is not
    known here, the process must have a handler.
    """
    reaction = read_reaction(process.identity.pid, by_message=False)
    try:
        by_signal = manager.kernel_spec.interrupt_mode == "signal"
    except KernelError:
        return reaction.catches
    return by_signal and not reaction.is_fatal
