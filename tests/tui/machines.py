"""A fake fleet with kernels of this host, of two Jupyter servers and of an ssh host."""

from __future__ import annotations

from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.engine_view import EngineView
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from tests.tui.fakes import NOW, FakeFleet, snapshot

GPU = EngineView("gpu", "Jupyter server", EngineState(Link.CONNECTED), takes_secret=True)
LAB = EngineView(
    "lab",
    "Jupyter server",
    EngineState(Link.LOST, NOW - 40, "no answer in 10 s"),
    takes_secret=True,
)
BOX = EngineView("box", "ssh host", EngineState(Link.CONNECTED))


def served(engine: str, kernel_id: str, name: str, **changes: object) -> KernelSnapshot:
    """Return the row of a kernel of a Jupyter server that no client of ours is connected to."""
    fields: dict[str, object] = {
        "name": name,
        "kernel_name": f"{engine}:python3",
        "engine": engine,
        "kind": Kind.REMOTE_SERVER,
        "origin": Origin.SERVER,
        "identity": None,
        "usage": None,
        "connection_file": "",
    }
    return snapshot(f"{engine}:{kernel_id}", KernelState.BUSY, **(fields | changes))


EXPLORE = served("gpu", "3f2a7788", "explore.ipynb", notebook="work/explore.ipynb")
SWEEP = served(
    "lab", "0a9b3144", "sweep.ipynb", unheard_since=NOW - 40, clients=1, allowed=frozenset()
)
FIT = snapshot(
    "box:c8e5aa99",
    KernelState.BUSY,
    name="fit",
    kernel_name="box:ir",
    engine="box",
    identity=ProcessIdentity(812, 1, "other"),
    usage=Usage(3.98, 11 << 30, 5),
    code="lm(y ~ x)",
)


def many_hosts() -> FakeFleet:
    fleet = FakeFleet(
        snapshot("b7c1e0aa", KernelState.BUSY, name="train", code="step(batch)"),
        snapshot("91d04c11", name="etl"),
        EXPLORE,
        SWEEP,
        FIT,
    )
    fleet.engines = (GPU, LAB, BOX)
    fleet.specs += (SpecChoice("gpu:python3", "Python 3", "python"), SpecChoice("box:ir", "R", "R"))
    return fleet
