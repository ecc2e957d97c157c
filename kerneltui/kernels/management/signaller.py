"""Signaller: send signals and interrupts to the process that serves a kernel now."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable

from kerneltui.errors import ActionRefused, describe_exit
from kerneltui.kernels.client.control import ControlRequest
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import KernelProcess

INTERRUPT_TIMEOUT = 1.0  # seconds for the reply to an interrupt_request

_log = logging.getLogger(__name__)


class Signaller:
    """Each verb raises ActionRefused if no process is left, or another one than `meant`.

    `meant`: None for the process that serves the kernel at that moment.
    """

    def __init__(self, life: Lifecycle, follow_server: Callable[[], None]) -> None:
        """`follow_server`: has `life` follow the process that serves the kernel now."""
        self._life = life
        self._follow_server = follow_server

    def interrupt(self, meant: ProcessIdentity | None) -> None:
        self._signal("interrupt", signal.SIGINT, meant)

    def interrupt_by_message(
        self, request: Callable[[], ControlRequest], meant: ProcessIdentity | None
    ) -> None:
        """Have the kernel interrupt itself. `request`: sends an interrupt_request."""
        self._require_process("interrupt", meant)
        with request() as sent:
            if sent.reply(INTERRUPT_TIMEOUT) is None:
                name = self._life.describe()
                _log.warning("%s has not answered the interrupt yet; it may still obey", name)

    def signal(self, signum: int, meant: ProcessIdentity | None) -> None:
        self._signal("signal", signum, meant)

    def _signal(self, verb: str, signum: int, meant: ProcessIdentity | None) -> None:
        process = self._require_process(verb, meant)
        try:
            process.send_signal(signum)
        except ProcessLookupError:
            raise self._gone(verb) from None

    def _require_process(self, verb: str, meant: ProcessIdentity | None) -> KernelProcess:
        self._follow_server()
        process = self._life.process
        if process is None or process.exited:
            raise self._gone(verb)
        # A program that wraps the kernel was meant, too, if that process was found only now.
        if meant not in (None, process.identity, process.launched):
            name = self._life.describe()
            raise ActionRefused(f"cannot {verb} {name}: it was restarted meanwhile")
        return process

    def _gone(self, verb: str) -> ActionRefused:
        process = self._life.process
        how = "it is not running" if process is None else f"it {describe_exit(process.returncode)}"
        return ActionRefused(f"cannot {verb} {self._life.describe()}: {how}")
