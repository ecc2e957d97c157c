"""ServerRows: publishes the snapshots of a server's kernels."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from kerneltui.fleet.engines.server.poller import ServerPoller
from kerneltui.fleet.engines.server.snapshots import Heard, Known, Order, snapshot_of
from kerneltui.fleet.model.engine_names import with_engine
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState


@frozen
class _Row:
    """A snapshot, and what it was made from."""

    known: Known
    unheard_since: float | None
    snapshot: KernelSnapshot

    @property
    def is_settled(self) -> bool:
        """Whether the same facts give the same snapshot later."""
        heard, is_starting = self.known.heard, self.known.state is KernelState.STARTING
        return not is_starting and (heard is None or heard.sent_at is None)

    def is_of(self, known: Known, unheard_since: float | None) -> bool:
        return (self.known, self.unheard_since) == (known, unheard_since)


class ServerRows:
    """Puts together what the server and what the kernels themselves have told."""

    def __init__(
        self,
        engine: str,
        poller: ServerPoller,
        orders: Callable[[], Mapping[str, Order]],
        heard: Callable[[str], Heard | None],
    ) -> None:
        """`orders`: by the server's kernel ids; `heard`: by the id that front ends know."""
        self.snapshots: tuple[KernelSnapshot, ...] = ()
        """Rebound when something has changed, never changed."""
        self._engine = engine
        self._poller = poller
        self._orders = orders
        self._heard = heard
        self._rows: Mapping[str, _Row] = {}
        self._publishing = threading.Lock()

    def publish(self) -> None:
        """Bring the snapshots up to date."""
        with self._publishing:  # a later call publishes the later state
            unheard_since, now = self._poller.unheard_since, time.monotonic()
            self._rows = {
                known.kernel.model.id: self._row(known, unheard_since, now)
                for known in self._all_known()
            }
            snapshots = tuple(each.snapshot for each in self._rows.values())
            if snapshots != self.snapshots:
                self.snapshots = snapshots

    def _all_known(self) -> list[Known]:
        orders = self._orders()
        languages = {each.name: each.language for each in self._poller.specs}
        return [
            Known(
                kernel,
                languages.get(kernel.model.name, ""),
                orders.get(own_id),
                self._heard(with_engine(own_id, self._engine)),
            )
            for own_id, kernel in self._poller.kernels.items()
        ]

    def _row(self, known: Known, unheard_since: float | None, now: float) -> _Row:
        before = self._rows.get(known.kernel.model.id)
        if before is not None and before.is_settled and before.is_of(known, unheard_since):
            return before
        return _Row(known, unheard_since, snapshot_of(self._engine, known, now, unheard_since))
