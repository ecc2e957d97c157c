"""`kerneltui wait`: waits until one kernel is idle."""

from __future__ import annotations

import time

from kerneltui.commands.engine_words import NONE, EngineWords
from kerneltui.commands.engines import remote_kernel
from kerneltui.commands.listing import Listed, client_of, find_living
from kerneltui.commands.printing import ProgressLine
from kerneltui.errors import KernelDied, KernelError, KernelTimeout
from kerneltui.fleet.discovery.attach import server_of
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.discovery.server_word import true_of_now
from kerneltui.fleet.model.classification import LEFT, Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.reconcile.host_scan import HostScan, read_manifests
from kerneltui.fleet.registry.kernel_facts import UNANSWERED
from kerneltui.fleet.servers.rest import ServedKernel, served_kernels
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import KernelState

POLL = 0.5  # seconds between two looks
ANSWER_TIME = 2.0  # seconds for a server to list its kernels
SILENCE = 10.0  # seconds for which a server may not reply


def wait_idle(word: str, timeout: float | None, engines: EngineWords = NONE) -> int:
    """Return once the kernel has finished all its requests.

    Raises KernelTimeout, and KernelDied if it ends.
    """
    with remote_kernel(word, engines) as remote:
        if remote is not None:
            with ProgressLine(f"waiting until {remote.name} is idle"):
                remote.wait_until_idle(timeout)
            return 0
    kernel = find_living(word)
    with ProgressLine(f"waiting until {kernel.name} is idle"):
        if kernel.origin == Origin.SERVER:
            _await_by_its_server(kernel, timeout)
        else:
            _await_its_answer(kernel, timeout)
    return 0


def _await_its_answer(kernel: Listed, timeout: float | None) -> None:
    """Ask once on shell: the reply comes when all earlier requests are finished."""
    client = client_of(kernel)
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        client.kernel_info(reply=True, timeout=timeout)
    except KernelTimeout:
        raise KernelTimeout(f"{kernel.name} is busy after {timeout:g} s") from None
    finally:
        client.stop_channels()


def _await_by_its_server(kernel: Listed, timeout: float | None) -> None:
    """Ask its server repeatedly, not the kernel: the server would count that as activity."""
    deadline = None if timeout is None else time.monotonic() + timeout
    told_at = time.monotonic()
    served = _Served(kernel)
    while True:
        state = served.state()
        if state == KernelState.IDLE:
            return
        if state != UNANSWERED:
            told_at = time.monotonic()
        elif time.monotonic() - told_at > SILENCE:
            raise KernelError(f"the server of {kernel.name} does not tell what it does")
        if state == KernelState.DEAD:
            raise KernelDied(f"{kernel.name} died", None, ())
        if deadline is not None and time.monotonic() >= deadline:
            raise KernelTimeout(f"{kernel.name} is {state} after {timeout:g} s")
        time.sleep(POLL)


class _Served:
    """A kernel of a server, followed by its process and by what the server tells."""

    def __init__(self, kernel: Listed) -> None:
        self._file = kernel.connection_file
        self._found = kernel.found

    def state(self) -> str:
        """Return a word of KernelState, or UNANSWERED if the server does not tell.

        The host is looked at again only if a new process is to come, or to listen.
        """
        if not self._is_settled():
            self._found = self._look()
        found = self._found
        if found is None or found.liveness in LEFT:
            return str(KernelState.DEAD)
        told = _told_by_its_server(found)
        if told is None:
            return UNANSWERED
        return true_of_now(told, found, time.time()).state or UNANSWERED

    def _is_settled(self) -> bool:
        found = self._found
        is_alive = found is not None and found.identity is not None and found.identity.is_alive()
        return is_alive and found is not None and found.liveness is Liveness.VERIFIED

    def _look(self) -> Found | None:
        scan = HostScan()
        scan.look_and_ask_servers(read_manifests(runtime_folder()), ANSWER_TIME)
        return next((each for each in scan.found if str(each.connection_file) == self._file), None)


def _told_by_its_server(found: Found) -> ServedKernel | None:
    try:
        return served_kernels(server_of(found), ANSWER_TIME).get(found.kernel_id)
    except KernelError:
        return None
