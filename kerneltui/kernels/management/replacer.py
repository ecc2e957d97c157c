"""Replacer: replace a kernel's process, once even if several threads ask at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from kerneltui.errors import ActionRefused
from kerneltui.kernels.management.single_flight import SingleFlight
from kerneltui.kernels.management.turn import Turn
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.status import Wanted

Arguments = Mapping[str, Any]


class Replacer:
    """Stops the process of a kernel and launches the next one, in one turn (see Turn)."""

    def __init__(
        self,
        life: Lifecycle,
        turn: Turn,
        stop: Callable[[bool], None],
        launch: Callable[[Arguments, bool], None],
    ) -> None:
        """`stop`: called with `now`; `launch`: with the arguments that override, and `newports`."""
        self._life = life
        self._turn = turn
        self._stop = stop
        self._launch = launch
        self._shared = SingleFlight()

    def replace(
        self,
        prepare: Callable[[], None],
        hurry: Callable[[], None],
        *,
        now: bool,
        newports: bool,
        overriding: Arguments,
    ) -> None:
        """Replace the process; a second call at the same time waits for the first.

        `prepare`: called before the turn; if it raises, there is no restart. `hurry`: called by the
        second call with `now`.
        """

        def restart() -> None:
            prepare()
            with self._turn.taken():
                self._replace(now, newports, overriding)

        self._shared.run(restart, hurry if now else lambda: None)

    def replace_dead(
        self,
        died: KernelProcess,
        around: Callable[[], AbstractContextManager[None]],
        *,
        newports: bool,
    ) -> None:
        """Replace a process that died without an order, unless another one serves the kernel now.

        `around`: gives a context for the restart; if it raises, there is no restart.
        """
        try:
            with around():
                self._shared.run(lambda: self._succeed(died, newports))
        except BaseException as error:
            reason = f"restart failed: {error}"
            self._shared.run(lambda: self._give_up(died, reason))
            raise

    def _succeed(self, died: KernelProcess, newports: bool) -> None:
        with self._turn.taken():
            if self._life.process is died:
                self._replace(True, newports, {})

    def _give_up(self, died: KernelProcess, reason: str) -> None:
        """End the clients' wait for a restart that failed before it began."""
        with self._turn.taken():
            if self._life.process is died and self._life.status.wanted is Wanted.RESTART:
                self._life.order(Wanted.DOWN, reason)

    def _replace(self, now: bool, newports: bool, overriding: Arguments) -> None:
        try:
            self._stop(now)
            if self._life.status.wanted is Wanted.RESTART:
                self._launch(overriding, newports)
        except BaseException as error:
            self._life.order(Wanted.DOWN, f"restart failed: {error}")
            raise
        if self._life.status.wanted is Wanted.DOWN:
            name = self._life.describe()
            raise ActionRefused(f"cannot restart {name}: it was shut down meanwhile")
