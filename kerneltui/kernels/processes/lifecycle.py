"""Lifecycle: the facts about one kernel over all its processes, and their listeners."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from kerneltui.errors import KernelDied, KernelTimeout, describe_exit
from kerneltui.kernels.processes.guarded_thread import Failures
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.processes.watcher import process_watcher
from kerneltui.protocol.period import Period
from kerneltui.protocol.status import (
    Event,
    Exited,
    HandedOver,
    KernelStatus,
    Ordered,
    Spawned,
    Wanted,
    advance,
)

LAST_LINES = 10  # of a dead kernel's log, kept to explain its end

# What every ipykernel prints when it starts; it does not explain why one ended.
_GREETING = (
    "NOTE: When using the `ipython kernel` entry point",
    "To exit, you will have to explicitly quit",
    '"quit" from a client',
    "To read more about this, see https://github.com/ipython/ipython/issues/2049",
    "To connect another client to this kernel",
    "--existing ",
    "[IPKernelApp] WARNING | Kernel is running over TCP without encryption",
)

LAUNCHED = Spawned()

Listener = Callable[[Event], None]
FollowDeath = Callable[[KernelDied, float], Callable[[], None]]
"""Decides what follows a death without an order, after so many seconds of life. The function that
it returns is called once all threads know the decision."""

FindHeir = Callable[[KernelProcess], KernelProcess | None]
"""Finds the process that serves a kernel whose process has ended; None if there is none."""


class Lifecycle:
    """Records all that happens to one kernel, and tells it to listeners.

    Rule: the lock guards fields, and it is not held while waiting, except by the condition itself.
    """

    def __init__(
        self,
        description: Callable[[], str],
        follow_death: FollowDeath,
        find_heir: FindHeir = lambda _process: None,
    ) -> None:
        self.process: KernelProcess | None = None
        """The latest process; it stays known after its end, for clients that wait for it."""
        self.present = False
        """A process was launched, and its resources were not cleaned up yet."""
        self.status = KernelStatus()
        self.spawns = 0
        self.spawned_at = 0.0
        """Instant of `time.monotonic()` at which the latest process was launched; 0.0 before the
        first, and if it is unknown."""
        self.period = Period()
        """Since when it has been in its present state; instants of `time.monotonic()`."""
        self.describe = description
        self._follow_death = follow_death
        self._find_heir = find_heir
        self._changed = threading.Condition()
        self.log: LogFile | None = None
        """What the latest process writes to stdout and stderr; None if that goes elsewhere."""
        self._ended: KernelProcess | None = None
        """The latest process whose end the listeners were told, or are being told."""
        self._ending: KernelProcess | None = None
        """The process whose end the listeners are being told."""
        self._untold: KernelProcess | None = None
        """The process whose start the listeners are being told."""
        self._proven: KernelProcess | None = None
        """The process that is known to serve the kernel itself: its end is the kernel's."""
        self._handed_over: KernelProcess | None = None
        """The process that the present one has taken over from."""
        self._death: KernelDied | None = None
        self._listeners: tuple[Listener, ...] = ()
        self._failures = Failures("a listener to a kernel's life")

    def begin(
        self,
        process: KernelProcess | None,
        log: LogFile | None,
        event: Spawned = LAUNCHED,
        age: float | None = 0.0,
    ) -> None:
        """Take note of a new process, and watch for its end.

        `process`: None if it is not visible from here. `age`: seconds since its start; None if
        unknown.
        """
        with self._changed:  # an end is told before the next beginning
            self._changed.wait_for(lambda: self._ending is None)
            self.process = self._untold = process
            self.log = log
            self.spawned_at = 0.0 if age is None else time.monotonic() - age
            self.period = Period(self.spawned_at or None, self.spawned_at or time.monotonic())
            self.spawns += 1
            self.present = True
            self.status = advance(self.status, event)
            self._changed.notify_all()
        try:
            if process is not None:  # first: it may end before all listeners are told
                self._watch(process)
            self._tell(event)
        finally:
            with self._changed:
                self._untold = None
                self._changed.notify_all()

    def _watch(self, process: KernelProcess) -> None:
        trim = self.log.trim if self.log else lambda: None
        process_watcher().watch(process, lambda: self.record_exit(process), trim)

    def is_proven(self, process: KernelProcess) -> bool:
        """Tell whether it is known that `process` serves the kernel, and does not wrap it."""
        return self._proven is process

    def prove(self, process: KernelProcess) -> None:
        self._proven = process

    def hand_over(self, process: KernelProcess, heir: KernelProcess) -> None:
        """Follow `heir`, which serves the kernel, in place of the process that was launched for it.

        No effect once the end of that process was told as the kernel's.
        """
        with self._changed:
            if self.process is not process or self._ended is process:
                return
            self.process = self._proven = heir
            self._handed_over = process
            self._changed.notify_all()
        self._watch(heir)
        self._tell(HandedOver())

    @property
    def to_replace(self) -> KernelProcess | None:
        """The process that is to end for a restart; None if there is none."""
        with self._changed:  # `begin` changes both
            return self.process if self.status.wanted is Wanted.RESTART else None

    def order(self, wanted: Wanted, reason: str = "") -> None:
        self.advance(Ordered(wanted, reason))

    def advance(self, event: Event, spawn: int | None = None, at: float | None = None) -> None:
        """Fold an event into the status, and tell the listeners.

        `spawn`: the number of the event's process: the event is ignored if another one serves now.
        None for any. `at`: the instant of the event, of `time.monotonic()`; None for now.
        """
        with self._changed:
            if spawn not in (None, self.spawns):
                return
            self.period = self.period.after(self.status, event, at or time.monotonic())
            self.status = advance(self.status, event)
            self._changed.notify_all()
        self._tell(event)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            self._failures.attempt(partial(listener, event))  # the others are told if it fails

    def add_listener(self, listener: Listener) -> None:
        """Call `listener` with each event, in the thread that caused it; it must be short.

        While a listener is told of a process's start, it must not wait for the end of that process.
        """
        self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: Listener) -> None:
        self._listeners = tuple(each for each in self._listeners if each != listener)

    def record_exit(self, process: KernelProcess) -> None:
        """Record, once, that a process has exited; its watcher and all its clients call this.

        Returns when all listeners have been told.
        """
        process.wait()
        with self._changed:  # a beginning is told before its end
            self._changed.wait_for(lambda: self._untold is not process)
        if self._has_heir(process):
            return
        lifetime = time.monotonic() - self.spawned_at
        with self._changed:
            if self._ended is process or self.process is not process:
                self._changed.wait_for(lambda: self._ending is not process)
                return
            self._ended = self._ending = process
            unasked = self.status.wanted is Wanted.UP
        follow_up: Callable[[], None] | None = None
        try:
            lines = self.log.tail(LAST_LINES) if self.log and unasked else ()
            known = lifetime if self.spawned_at else None
            death = _describe_death(self.describe(), process.returncode, known, lines)
            self._death = death
            self.advance(Exited(process.returncode, str(death) if unasked else ""))
            if unasked:
                follow_up = self._follow_death(death, lifetime)
        finally:
            with self._changed:
                self._ending = None
                self._changed.notify_all()
        if follow_up is not None:
            follow_up()

    def _has_heir(self, process: KernelProcess) -> bool:
        """Tell whether a process that has ended was not the kernel, which then lives on."""
        is_unasked = self.process is process and self.status.wanted is Wanted.UP
        if is_unasked and not self.is_proven(process) and not self.status.exited:
            heir = self._find_heir(process)
            if heir is not None:
                self.hand_over(process, heir)
        return self._handed_over is process

    def wait_for_replacement(
        self, process: KernelProcess, deadline: float | None, *, successor: bool
    ) -> None:
        """Return once another process has taken over from one that exited.

        Raises KernelDied if none will. `successor`: False if a restarted process would not do: then
        KernelDied is raised without a wait. Raises KernelTimeout at the deadline.
        """
        self.record_exit(process)
        if self._handed_over is process:
            return
        with self._changed:
            remaining = None if deadline is None else deadline - time.monotonic()
            if successor and not self._changed.wait_for(
                lambda: self._is_decided(process), remaining
            ):
                raise KernelTimeout(f"{self.describe()} has not come back in time")
            if successor and self.process is not process:
                return
        raise self.last_death()

    def awaits_successor(self, process: KernelProcess | None, delay: float) -> bool:
        """Wait `delay` seconds; tell whether a restart is still due after `process`.

        False at once if the kernel is restarted or shut down meanwhile.
        """
        with self._changed:
            return not self._changed.wait_for(lambda: self._is_decided(process), delay)

    def _is_decided(self, process: KernelProcess | None) -> bool:
        return self.status.wanted is not Wanted.RESTART or self.process is not process

    def last_death(self) -> KernelDied:
        """Return a new error for the latest death."""
        death = self._death
        assert death is not None, "no process of this kernel has died"
        return KernelDied(str(death), death.returncode, death.last_lines)


def without_greeting(lines: Iterable[str]) -> tuple[str, ...]:
    """Return what a kernel wrote, without the lines that every ipykernel writes at its start."""
    return tuple(line for line in lines if not line.startswith(_GREETING))


def _describe_death(
    kernel: str, returncode: int | None, lifetime: float | None, lines: tuple[str, ...]
) -> KernelDied:
    words = without_greeting(lines)
    last = f"; last line: {words[-1]}" if words else ""
    after = "" if lifetime is None else f", {lifetime:.1f} s after its start"
    message = f"{kernel} {describe_exit(returncode)}{after}{last}"
    return KernelDied(message, returncode, words)
