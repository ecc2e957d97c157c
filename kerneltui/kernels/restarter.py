"""Restarter: what follows when a kernel dies unasked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from kerneltui.protocol.status import RestartPolicy

RestartCallback = Callable[[], object]
EVENTS = ("restart", "dead")

_log = logging.getLogger(__name__)


class Restartable(Protocol):
    """What a restarter needs of its manager."""

    autorestart: bool

    def describe(self) -> str: ...

    def restart_kernel(self, now: bool = False) -> None: ...

    def restart_later(self, restart: Callable[[], None]) -> None: ...

    def give_up(self, reason: str) -> None: ...


class Restarter:
    """Restarts a kernel that died, where its manager wants that, within a policy's limits.

    Callbacks: "restart" before each restart made here, "dead" once none will follow.
    """

    def __init__(self, manager: Restartable) -> None:
        self.policy = RestartPolicy()
        self._manager = manager
        self._restarts = 0
        self._callbacks: dict[str, list[RestartCallback]] = {event: [] for event in EVENTS}

    def add_callback(self, callback: RestartCallback, event: str = "restart") -> None:
        self._callbacks[_checked(event)].append(callback)

    def remove_callback(self, callback: RestartCallback, event: str = "restart") -> None:
        if callback in self._callbacks[_checked(event)]:
            self._callbacks[event].remove(callback)

    def note_death(self, lifetime: float) -> None:
        """Decide what follows an unasked death after `lifetime` seconds."""
        if not self._manager.autorestart:
            self._fire("dead")
            return
        self._restarts = self.policy.restarts_in_a_row(self._restarts, lifetime)
        delay = self.policy.delay(self._restarts)
        if delay is None:
            reason = f"died {self._restarts + 1} times in a row; not restarted again"
            _log.warning("%s %s", self._manager.describe(), reason)
            self._manager.give_up(reason)
            self._fire("dead")
            return
        self._restarts += 1
        _log.warning("%s died; restarting it", self._manager.describe())
        self._manager.restart_later(lambda: self._restart_after(delay))

    def _restart_after(self, delay: float) -> None:
        time.sleep(delay)
        self._fire("restart")
        self._manager.restart_kernel(now=True)

    def _fire(self, event: str) -> None:
        for callback in tuple(self._callbacks[event]):
            try:
                callback()
            except Exception:  # noqa: BLE001 - a caller's code may raise anything
                _log.exception("%s: a %r callback failed", self._manager.describe(), event)


def _checked(event: str) -> str:
    if event not in EVENTS:
        raise ValueError(f"no event {event!r}; known: {', '.join(EVENTS)}")
    return event
