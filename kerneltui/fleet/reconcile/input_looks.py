"""InputLooks: finds out which waiting kernels wait for input; looks seldom at each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.condition import OpenPrompt
from kerneltui.fleet.diagnosis.input_look import look_for_input
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.attributes import Endpoint
from kerneltui.kernels.management.manager import KernelManager

INTERVAL = 5.0  # seconds between two looks at least
PATIENCE = 0.5  # the share of the time without a prompt so far that passes until the next look

_Waiting = tuple[KernelManager, tuple[str, ...]]
"""A kernel and its unfinished requests."""


@frozen
class _Looks:
    """The looks at one waiting kernel. Instants of one clock."""

    first: float
    latest: float
    found: OpenPrompt | None

    def is_due(self, now: float) -> bool:
        pause = 0.0 if self.found is not None else PATIENCE * (self.latest - self.first)
        return now - self.latest >= max(INTERVAL, pause)


class InputLooks:
    """Used by one thread, except `of`."""

    def __init__(self) -> None:
        self._looks: dict[_Waiting, _Looks] = {}

    def look(
        self, waiting: Iterable[KernelManager], own_clients: Mapping[str, int], now: float
    ) -> None:
        """Look at the waiting kernels that are due; forget all kernels that do not wait.

        `own_clients`: how many of our clients listen on stdin, by kernel id.
        """
        there = {_key(each): each for each in waiting}
        self._looks = {each: looks for each, looks in self._looks.items() if each in there}
        due = {
            each: manager
            for each, manager in there.items()
            if each not in self._looks or self._looks[each].is_due(now)
        }
        endpoints = {each: to for each, manager in due.items() if (to := _endpoint(manager))}
        own = {each: own_clients.get(manager.kernel_id, 0) for each, manager in due.items()}
        found = look_for_input(endpoints, own) if endpoints else {}
        for each in due:
            first = self._looks[each].first if each in self._looks else now
            self._looks[each] = _Looks(first, now, found.get(each))

    def of(self, manager: KernelManager) -> OpenPrompt | None:
        """Return a kernel's open prompt; None if none is known. In any thread."""
        looks = self._looks.get(_key(manager))
        return looks.found if looks is not None else None


def _key(manager: KernelManager) -> _Waiting:
    return manager, manager.status.unfinished


def _endpoint(manager: KernelManager) -> Endpoint | None:
    try:
        return manager.endpoint
    except KernelError:
        return None
