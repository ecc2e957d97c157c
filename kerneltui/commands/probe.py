"""Probe: asks all kernels at once whether they are busy or idle.

A kernel replies on control while a cell runs, and on shell only between cells. If its code blocks
the interpreter, it replies on neither.
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

PATIENCE = 0.15  # seconds for kernels to reply; the state of the others is unknown


class Askable(NamedTuple):
    """A kernel's connection, and the process that is meant; None if that is not visible."""

    info: ConnectionInfo
    identity: ProcessIdentity | None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.info, session_for(self.info))


class Probe:
    """Used as a context manager, by one thread; may ask repeatedly."""

    def __init__(self, *, may_ask: bool = True) -> None:
        """`may_ask`: False to send nothing, so that no kernel replies."""
        self._may_ask = may_ask
        self._control = ControlPoll[str]("kernel_info_request")
        self._shell = ControlPoll[str]("kernel_info_request", Channel.SHELL)
        self.states: dict[str, KernelState] = {}
        """By kernel id, for those that have replied since they were asked last."""
        self.with_subshells: set[str] = set()
        """The ids of kernels whose kernel_info_reply says that they have subshells."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._control.close()
        self._shell.close()

    def ask(self, whom: Mapping[str, Askable]) -> None:
        """Ask these kernels, and drop the questions to others; `hear` returns the answers."""
        if self._may_ask:
            self._control.ask(whom)
            self._shell.ask(whom)
        self.states = {}

    def hear(self, within: float = PATIENCE) -> dict[str, KernelState]:
        """Return the state of each kernel that replies `within` seconds of the last question.

        The others are left out.
        """
        self._take_in(self._control.hear(within), self._shell.hear(within))
        return self.states

    def hear_late(self, deadline: float) -> None:
        """Take in replies on control until `deadline`, and then those on shell.

        After a reply on control, there is a little more time for the one on shell.
        """
        answered = self._control.hear_until(deadline)
        shell_deadline = time.monotonic() + (PATIENCE if answered else 0.0)
        self._take_in(answered, self._shell.hear_until(shell_deadline))

    def _take_in(self, on_control: Mapping[str, Message], on_shell: Iterable[str]) -> None:
        """Update the states. A kernel replies on shell only between cells: then it is idle."""
        self.with_subshells.update(each for each, told in on_control.items() if has_subshells(told))
        for kernel_id in on_control:
            self.states.setdefault(kernel_id, KernelState.BUSY)
        self.states |= dict.fromkeys(on_shell, KernelState.IDLE)

    def asked_at(self, kernel_id: str) -> float | None:
        """Return when a kernel's open question on control was sent; None if it has none."""
        return self._control.asked_at(kernel_id)
