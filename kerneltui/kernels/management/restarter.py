"""Restarter: restart a kernel that died without an order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from kerneltui.errors import ActionRefused, KernelDied, KernelError
from kerneltui.kernels.processes.guarded_thread import GuardedThread
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.status import RestartPolicy, Wanted

RestartCallback = Callable[[], object]
EVENTS = ("restart", "dead")
PORT_RETRIES = 3  # launches on other ports, after a kernel whose ports were taken
PORTS_TAKEN = ("Address already in use", "Address in use")

_log = logging.getLogger(__name__)


class Restartable(Protocol):
    """What a restarter needs of its manager."""

    life: Lifecycle

    @property
    def has_random_ports(self) -> bool: ...

    def describe(self) -> str: ...

    def wants_restart(self) -> bool:
        """Tell whether a kernel that died is to be started again."""

    def restart_after(self, died: KernelProcess, *, newports: bool) -> None:
        """Restart, unless another process than `died` serves the kernel now."""


class Restarter:
    """Restarts a kernel that died.

    If its ports were taken, it is started on others. Otherwise it is started as before, if its
    manager wants that and the policy allows it. Callbacks: "restart" before each restart of the
    second kind, "dead" once none will follow.
    """

    def __init__(self, manager: Restartable) -> None:
        self.policy = RestartPolicy()
        self.is_stopped = False
        """While it is set, nothing follows a death."""
        self.has_given_up = False
        """The kernel has died too often in a row."""
        self._manager = manager
        self._restarts = 0
        self._port_retries = 0
        self._callbacks: dict[str, list[RestartCallback]] = {event: [] for event in EVENTS}

    def add_callback(self, callback: RestartCallback, event: str = "restart") -> None:
        self._callbacks[_checked(event)].append(callback)

    def remove_callback(self, callback: RestartCallback, event: str = "restart") -> None:
        if callback in self._callbacks[_checked(event)]:
            self._callbacks[event].remove(callback)

    def reset(self) -> None:
        """Forget the deaths so far: the user has started the kernel again."""
        self._restarts = self._port_retries = 0
        self.is_stopped = self.has_given_up = False

    def decide(self, death: KernelDied, lifetime: float) -> Callable[[], None]:
        """Decide what follows a death without an order, after `lifetime` seconds, and begin it.

        Call the function that is returned once all threads know the decision.
        """
        if self.is_stopped:
            return lambda: None
        if self._found_ports_taken(death):
            self._port_retries += 1
            _log.warning("%s found its ports taken; starting it on others", self._describe())
            return self._restart_later(0.0, newports=True)
        if not self._manager.wants_restart():
            return self._say_dead
        self._restarts = self.policy.restarts_in_a_row(self._restarts, lifetime)
        delay = self.policy.delay(self._restarts)
        self.has_given_up = delay is None
        if delay is None:
            reason = f"died {self._restarts + 1} times in a row; not restarted again"
            _log.warning("%s %s", self._describe(), reason)
            self._manager.life.order(Wanted.DOWN, reason)
            return self._say_dead
        self._restarts += 1
        _log.warning("%s died; restarting it", self._describe())
        return self._restart_later(delay, newports=False)

    def _found_ports_taken(self, death: KernelDied) -> bool:
        if not self._manager.has_random_ports or self._port_retries >= PORT_RETRIES:
            return False
        return any(sign in line for line in death.last_lines for sign in PORTS_TAKEN)

    def _restart_later(self, delay: float, *, newports: bool) -> Callable[[], None]:
        """Order the restart, so that clients wait for it; return what carries it out.

        It does nothing if the kernel is restarted or shut down meanwhile.
        """
        died = self._manager.life.process
        assert died is not None
        self._manager.life.order(Wanted.RESTART)
        restart = partial(self._restart, died, delay, newports)
        thread = GuardedThread(restart, f"kernel-restart-{died.identity.pid}")
        return partial(self._start, thread)

    def _start(self, thread: GuardedThread) -> None:
        """Start the thread that restarts the kernel; if there is none, end the wait for it."""
        try:
            thread.start()
        except RuntimeError as error:
            _log.warning("%s is not restarted: %s", self._describe(), error)
            self._manager.life.order(Wanted.DOWN, f"restart failed: {error}")
            self._say_dead()

    def _describe(self) -> str:
        return self._manager.describe()

    # -- runs in the kernel-restart thread ----

    def _restart(self, died: KernelProcess, delay: float, newports: bool) -> None:
        if not self._manager.life.awaits_successor(died, delay):
            return
        if not newports:
            self._fire("restart")
        try:
            self._manager.restart_after(died, newports=newports)
        except ActionRefused as error:  # shut down meanwhile: its caller knows
            _log.info("%s", error)
        except (KernelError, OSError) as error:
            _log.warning("%s", error)
            self._say_dead()

    # -- runs there, or in the thread that noticed the death ----

    def _say_dead(self) -> None:
        self._fire("dead")

    def _fire(self, event: str) -> None:
        for callback in tuple(self._callbacks[event]):
            try:
                callback()
            except Exception:  # noqa: BLE001 - a caller's code may raise anything
                _log.exception("%s: a %r callback failed", self._describe(), event)


class RestartVerbs:
    """The methods of a manager for automatic restarts."""

    _restarter: Restarter

    def start_restarter(self) -> None:
        """Let `autorestart` work again. Each start and restart does so, too."""
        self._restarter.is_stopped = False

    def stop_restarter(self) -> None:
        """Until the next start, let a kernel that dies stay dead, and call no callback."""
        self._restarter.is_stopped = True

    @property
    def has_given_up(self) -> bool:
        """Whether the kernel has died too often in a row to be started again."""
        return self._restarter.has_given_up

    def add_restart_callback(self, callback: RestartCallback, event: str = "restart") -> None:
        """Call `callback` before each automatic restart, or once none will follow a death.

        `event`: "restart" or "dead". It is called in a thread of ours.
        """
        self._restarter.add_callback(callback, event)

    def remove_restart_callback(self, callback: RestartCallback, event: str = "restart") -> None:
        self._restarter.remove_callback(callback, event)


def _checked(event: str) -> str:
    if event not in EVENTS:
        raise ValueError(f"no event {event!r}; known: {', '.join(EVENTS)}")
    return event
