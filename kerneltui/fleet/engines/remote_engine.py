"""RemoteEngine: the interface of an engine for kernels that are not of this host."""

from __future__ import annotations

from typing import Protocol

from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.engines.engine_state import EngineState


class RemoteEngine(Engine, Protocol):
    """The kernels of a Jupyter server, or of another host.

    All input and output is in threads of its own. `open` returns at once, and connects in one of
    them; `close` may be called at any time after it. What it publishes stays there when the
    connection is lost, and every row then says since when.
    """

    @property
    def name(self) -> str:
        """A short word; all ids and kernelspecs of the engine begin with it and a colon."""

    @property
    def kind_of_engine(self) -> str:
        """What it is, for a person: "Jupyter server", "ssh host"."""

    @property
    def state(self) -> EngineState:
        """How it is with the connection now; CONNECTED only once all its rows are published."""
