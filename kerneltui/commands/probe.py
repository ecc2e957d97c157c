"""Probe: what kernels do right now, asked of all of them at once.

Control answers while a cell runs, the shell only between cells. A kernel whose code holds its
interpreter answers on neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

from kerneltui.fleet.discovery.control_poll import ControlPoll
from kerneltui.kernels.connection.attributes import Endpoint
from kerneltui.kernels.connection.session import new_session
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.status import KernelState

PATIENCE = 0.15  # seconds for kernels to answer; what has not by then is not known


class Askable(NamedTuple):
    """Where a kernel is, and which of its processes is meant; None where that is not seen."""

    info: ConnectionInfo
    identity: ProcessIdentity | None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.info, new_session(self.info.key, self.info.signature_scheme))


class Probe:
    """Used as a context, by one thread; may look again and again."""

    def __init__(self) -> None:
        self._control = ControlPoll[str]("kernel_info_request")
        self._shell = ControlPoll[str]("kernel_info_request", Channel.SHELL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._control.close()
        self._shell.close()

    def ask(self, whom: Mapping[str, Askable]) -> None:
        """Ask these kernels, and forget what others were asked; `hear` has their answers."""
        self._control.ask(whom)
        self._shell.ask(whom)

    def hear(self, within: float = PATIENCE) -> dict[str, KernelState]:
        """Return the state of each kernel that has answered `within` seconds of the last question.

        The others are left out.
        """
        busy = dict.fromkeys(self._control.hear(within), KernelState.BUSY)
        return busy | dict.fromkeys(self._shell.hear(within), KernelState.IDLE)
