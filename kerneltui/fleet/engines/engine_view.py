"""EngineView: what a front end shows of a remote engine itself."""

from __future__ import annotations

from kerneltui.fleet.engines.engine_state import EngineState
from kerneltui.frozen import frozen


@frozen
class EngineView:
    """A Jupyter server or an ssh host, at one moment. Its texts are clean."""

    name: str
    kind: str
    """What it is, for a person: "Jupyter server", "ssh host"."""
    state: EngineState
    takes_secret: bool = False
    """Where it refuses, a token or a password may help."""
