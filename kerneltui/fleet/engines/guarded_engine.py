"""GuardedEngine: a remote engine whose unforeseen errors end at its border.

An engine that fails costs its own rows their freshness, and the other engines nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.kernels.processes.guarded_thread import Failures, GuardedThread, describe_failure

if TYPE_CHECKING:
    from kerneltui.fleet.console.prompt import Prompt
    from kerneltui.fleet.engines.remote_engine import RemoteEngine
    from kerneltui.fleet.inspection.spec_choice import SpecChoice
    from kerneltui.fleet.model.snapshot import KernelSnapshot

CLOSE_PATIENCE = 1.0  # seconds that closing waits for all engines together
T = TypeVar("T")
Codes = Mapping[str, tuple[str, ...]]
"""Code by kernel id."""

NO_CODES: Codes = MappingProxyType({})
NO_PROMPTS: Mapping[str, Prompt] = MappingProxyType({})


class LastGood(Generic[T]):
    """What an engine publishes; while reading it fails, the value before."""

    def __init__(self, read: Callable[[], T], first: T, failures: Failures) -> None:
        self._read = read
        self._value = first
        self._failures = failures

    def get(self) -> T:
        self._failures.attempt(self._look)
        return self._value

    def _look(self) -> None:
        self._value = self._read()


class GuardedEngine:
    """One remote engine, as `Engines` reads, asks, opens and closes it."""

    def __init__(self, engine: RemoteEngine) -> None:
        self.engine = engine
        self.name = engine.name
        self._failures = failures = Failures(f"engine {engine.name}")
        no_rows: tuple[KernelSnapshot, ...] = ()
        no_specs: tuple[SpecChoice, ...] = ()
        unknown = EngineState(Link.CONNECTING, time.monotonic())
        self._state = LastGood(lambda: engine.state, unknown, failures)
        self.snapshots = LastGood(lambda: engine.snapshots, no_rows, failures)
        self.kernel_specs = LastGood(lambda: engine.kernel_specs(), no_specs, failures)
        self.prompts = LastGood(lambda: engine.console.prompts, NO_PROMPTS, failures)
        self.queued = LastGood(lambda: engine.console.queued, NO_CODES, failures)
        self.beside = LastGood(lambda: engine.console.beside, NO_CODES, failures)
        self._opening = GuardedThread(engine.open, f"engine-open {engine.name}")
        self._closing = GuardedThread(self._close, f"engine-close {engine.name}")

    @property
    def state(self) -> EngineState:
        return self._state.get()

    @property
    def is_connected(self) -> bool:
        return self.state.link is Link.CONNECTED

    def open(self) -> None:
        """Open the engine in a thread: it may have to load modules first."""
        self._opening.start()

    def close(self) -> GuardedThread:
        """Have the engine closed, once it has been opened; return the thread that does it."""
        self._closing.start()
        return self._closing

    def _close(self) -> None:
        self._opening.join()
        self.engine.close()

    def attempt(self, work: Callable[[], object]) -> None:
        """Call something that returns at once; an error is logged."""
        self._failures.attempt(work)

    def read(self, look: Callable[[], T], otherwise: T) -> T:
        """Return what is published; `otherwise` if reading it fails, which is logged."""
        return LastGood(look, otherwise, self._failures).get()

    @contextlib.contextmanager
    def asked(self) -> Iterator[RemoteEngine]:
        """Give the engine for a lookup or a verb; what it raises is a KernelError."""
        try:
            yield self.engine
        except KernelError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect of ours, told as front ends can show
            self._failures.tell(error)
            raise KernelError(f"engine {self.name} failed: {describe_failure(error)}") from None


def close_all(
    remote: Sequence[GuardedEngine], meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Close engines at the same time; one that hangs is left behind. Blocking.

    `meanwhile`: called before they are waited for.
    """
    deadline = time.monotonic() + CLOSE_PATIENCE
    closing = [each.close() for each in remote]
    meanwhile()
    for each in closing:
        each.join(max(0.0, deadline - time.monotonic()))
