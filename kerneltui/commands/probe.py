"""Probe: what kernels do right now, asked of all of them at once.

Control answers while a cell runs, the shell only between cells. A kernel whose code holds its
interpreter answers on neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from kerneltui.fleet.diagnosis.input_look import has_subshells
from kerneltui.fleet.discovery.control_poll import ControlPoll
from kerneltui.kernels.connection.attributes import Endpoint
from kerneltui.kernels.connection.session import session_for
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import Message
from kerneltui.protocol.status import KernelState

PATIENCE = 0.15  # seconds for kernels to answer; what has not by then is not known


class Askable(NamedTuple):
    """Where a kernel is, and which of its processes is meant; None if that is not seen."""

    info: ConnectionInfo
    identity: ProcessIdentity | None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.info, session_for(self.info))


class Probe:
    """Used as a context, by one thread; may look again and again."""

    def __init__(self) -> None:
        self._control = ControlPoll[str]("kernel_info_request")
        self._shell = ControlPoll[str]("kernel_info_request", Channel.SHELL)
        self.states: dict[str, KernelState] = {}
        """Of those that have answered since they were asked last."""
        self.with_subshells: set[str] = set()
        """Those that have said of themselves that they have subshells."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._control.close()
        self._shell.close()

    def ask(self, whom: Mapping[str, Askable]) -> None:
        """Ask these kernels, and forget what others were asked; `hear` has their answers."""
        self._control.ask(whom)
        self._shell.ask(whom)
        self.states = {}

    def hear(self, within: float = PATIENCE) -> dict[str, KernelState]:
        """Return the state of each kernel that has answered `within` seconds of the last question.

        The others are left out.
        """
        self._take_in(self._control.hear(within), self._shell.hear(within))
        return self.states

    def hear_late(self, deadline: float) -> None:
        """Take in what is answered on control until `deadline`, and what the shell adds to that."""
        answered = self._control.hear_until(deadline)
        shell_deadline = time.monotonic() + (PATIENCE if answered else 0.0)
        self._take_in(answered, self._shell.hear_until(shell_deadline))

    def _take_in(self, on_control: Mapping[str, Message], on_shell: Iterable[str]) -> None:
        """The shell answers between cells only: who answers there is idle."""
        self.with_subshells.update(each for each, told in on_control.items() if has_subshells(told))
        for kernel_id in on_control:
            self.states.setdefault(kernel_id, KernelState.BUSY)
        self.states |= dict.fromkeys(on_shell, KernelState.IDLE)

    def asked_at(self, kernel_id: str) -> float | None:
        """Return when a kernel was asked on control what it has not answered."""
        return self._control.asked_at(kernel_id)
