"""What can be asked of kernels that something else has started; the rest is refused with why."""

from __future__ import annotations

import signal
from collections.abc import Callable

from kerneltui.commands.listing import Listed, manifests
from kerneltui.errors import ActionRefused, KernelError, KernelTimeout
from kerneltui.fleet.found import Found, find_kernels
from kerneltui.kernels.adopted import AdoptedProcess
from kerneltui.kernels.control import ControlRequest
from kerneltui.kernels.session import new_session
from kerneltui.kernels.sockets import default_context
from kerneltui.kernels.stopping import kill_family

ANSWER_TIME = 1.0  # seconds for a reply on control
END_TIME = 5.0  # seconds to end after a shutdown request


def send_signal(kernel: Listed, signum: int) -> str:
    try:
        _process(kernel).send_signal(signum)
    except ProcessLookupError:
        raise ActionRefused(f"{kernel.name} is gone") from None
    return ""


def interrupt(kernel: Listed) -> str:
    """Ask by message, as of a kernel that we did not start nobody knows what SIGINT does to it."""
    _request(kernel, "interrupt_request", {})
    return ""


def shutdown(kernel: Listed) -> str:
    process = _process(kernel)
    _request(kernel, "shutdown_request", {"restart": False})
    if not process.wait(END_TIME):
        raise KernelTimeout(f"{kernel.name} has not ended; kerneltui kill {kernel.name} ends it")
    return ""


def kill(kernel: Listed) -> str:
    kill_family(_process(kernel))
    return ""


def restart(kernel: Listed) -> str:
    raise ActionRefused(
        f"{kernel.name} cannot be restarted: what started it ({kernel.origin}) would lose it"
    )


VERBS: dict[str, Callable[[Listed], str]] = {
    "interrupt": interrupt,
    "restart": restart,
    "shutdown": shutdown,
    "kill": kill,
}


def _found(kernel: Listed) -> Found:
    """Look it up again: what was listed may have changed since."""
    for found in find_kernels({each.connection_file for each in manifests()}):
        if str(found.connection_file) == kernel.connection_file:
            return found
    raise KernelError(f"{kernel.name} is gone")


def _process(kernel: Listed) -> AdoptedProcess:
    identity = _found(kernel).identity
    if identity is None or identity.pid != kernel.pid:
        raise ActionRefused(f"{kernel.name} has another process by now; nothing was done")
    return AdoptedProcess(identity)


def _request(kernel: Listed, msg_type: str, content: dict[str, object]) -> None:
    found = _found(kernel)
    if not found.may_be_asked:
        raise ActionRefused(
            f"{kernel.name} belongs to the Jupyter server with pid {found.owner_pid}: ask there, "
            f"or kerneltui signal {signal.SIGINT.name} {kernel.name}"
        )
    session = new_session(found.info.key, found.info.signature_scheme)
    with ControlRequest(default_context(), found.info, session, msg_type, content) as request:
        if request.reply(ANSWER_TIME) is None:
            raise KernelTimeout(f"{kernel.name} has not answered; it may still obey")
