"""DashboardFleet: what the dashboard shows the kernels of."""

from __future__ import annotations

from typing import Protocol

from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.engines.engine_view import EngineView


class DashboardFleet(Engine, Protocol):
    """All engines together, or a test's fleet."""

    @property
    def engines(self) -> tuple[EngineView, ...]:
        """The remote engines, in the order of their rows; at once, and equal until one changes."""

    def connect(self, text: str, secret: str = "") -> str:
        """Begin to connect to the machine that `text` names; return its engine's name. Blocks.

        `text`: the URL of a Jupyter server, user@host for ssh, or a name of the configuration.
        `secret`: a token or a password; it is not kept once the engine has logged in. An engine
        that is there by that name is replaced if it was refused. Raises KernelError.
        """

    def disconnect(self, name: str) -> None:
        """Leave an engine; its kernels run on. Blocks for a second at most. Raises KernelError."""
