"""FakeEngine: a remote engine whose rows, delays and errors a test chooses."""

from __future__ import annotations

import threading

from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.registry.notices import Notice
from tests.support import PATIENCE
from tests.tui.fakes import FakeFleet, snapshot

CONNECTED = EngineState(Link.CONNECTED)


class FakeEngine(FakeFleet):
    """Its ids begin with its name; `verbs` holds what was asked of it."""

    kind_of_engine = "scripted engine"

    def __init__(self, name: str, *, rows: int = 1, hangs: bool = False) -> None:
        """`hangs`: whatever blocks does not return before `free` is set."""
        self.fault: Exception | None = None
        """Raised by everything that is read or asked."""
        self.free = threading.Event()
        if not hangs:
            self.free.set()
        self.name = name
        self.state = EngineState(Link.CONNECTING) if hangs else CONNECTED
        super().__init__(*(rows_of(name, rows)))
        self.specs = (SpecChoice(f"{name}:python3", "Python 3", "python"),)

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        self._fail()
        return self._rows

    @snapshots.setter
    def snapshots(self, rows: tuple[KernelSnapshot, ...]) -> None:
        self._rows = rows

    def open(self) -> None:
        self._block()
        super().open()

    def close(self) -> None:
        self._block()
        super().close()

    def take_notices(self) -> tuple[Notice, ...]:
        self._fail()
        return super().take_notices()

    def kernel_specs(self) -> tuple[SpecChoice, ...]:
        self._fail()
        return super().kernel_specs()

    def _record(self, *verb: object) -> str:
        if verb[0] != "mark":
            self._block()
        self._fail()
        return super()._record(*verb)

    def _block(self) -> None:
        self.free.wait(PATIENCE)

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


def rows_of(name: str, count: int) -> tuple[KernelSnapshot, ...]:
    return tuple(snapshot(f"{name}:k{number}", engine=name) for number in range(count))
