"""Publisher: tells the other side what has changed, a few times a second at most.

Rule: while the link has not taken what was sent before, nothing is added; what changes meanwhile is
one change later. So a slow link delays news, and never collects them. As ssh itself takes megabytes
before it is full, output waits until the other side has seen the output before it: keys and rows
do not have to wait behind a flood.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.engines.ssh.codec import Fields, encode
from kerneltui.fleet.engines.ssh.deltas import changes
from kerneltui.fleet.engines.ssh.lines import HEARTBEAT
from kerneltui.fleet.engines.ssh.message_feed import MessageFeed
from kerneltui.fleet.engines.ssh.outgoing import Outgoing
from kerneltui.fleet.engines.ssh.output_feed import OutputFeed
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.threads.periodic import PeriodicThread

GLANCE = 0.05  # seconds between two looks at what has changed
TIMES, PERIOD = 4, 1.0  # it is told at most so many times in so many seconds
ROWS = 200  # of one line
BUDGET, LEAST_BUDGET = 200_000, 20_000  # characters and bytes of one change of output
SOON = 0.5  # seconds in which the other side should see one
MAX_FOLLOWED = 20  # kernels

F = TypeVar("F")


class Publisher:
    """Compares what the engine publishes with what was sent."""

    def __init__(self, engine: Engine, outgoing: Outgoing) -> None:
        self._engine = engine
        self._outgoing = outgoing
        self._told_at = deque([0.0] * TIMES, maxlen=TIMES)
        """When it was told last, the oldest first."""
        self._has_told = False
        self._snapshots: tuple[KernelSnapshot, ...] | None = None
        self._seen: dict[str, KernelSnapshot] = {}
        self._rows: dict[str, Fields] = {}
        self._order: list[str] | None = None
        self._values: Fields = {}
        self._output: Mapping[str, OutputFeed] = {}
        self._messages: Mapping[str, MessageFeed] = {}
        self._logs: dict[str, OutputFeed] = {}
        self._telling_log = threading.Lock()
        """Held while a change of a log is found and put: the other side needs them in order."""
        self._sent_output = self._seen_output = 0
        """Numbers of the latest changes of output, or of messages, that were sent and seen."""
        self._output_sent_at = 0.0
        self._budget = BUDGET
        """Characters and bytes of one change of output; fewer on a slow link."""
        self._thread = PeriodicThread(
            "agent-publisher", "telling what has changed", self.look, pause=lambda: GLANCE
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def follow(self, output: Collection[str], messages: Collection[str]) -> None:
        """Send the output and the messages of these kernels from now on, and of no others."""
        self._output = _followed(self._output, output, OutputFeed)
        self._messages = _followed(self._messages, messages, MessageFeed)

    def note_seen(self, number: int) -> None:
        """Take note that the other side has seen all output up to this number."""
        took = time.monotonic() - self._output_sent_at
        wanted = self._budget // 2 if took > SOON else self._budget * 2
        self._budget = min(BUDGET, max(LEAST_BUDGET, wanted))
        self._seen_output = number

    def tell_log(self, kernel_id: str) -> bool:
        """Read a kernel's log, and send what is new in it; tell whether it has one. Blocking."""
        transcript = self._engine.log(kernel_id)
        if transcript is None:
            return False
        with self._telling_log:
            feed = self._logs.setdefault(kernel_id, OutputFeed())
            if (told := feed.change(transcript.view(), self._budget)) is not None:
                self._put({"log": kernel_id, "change": told})
        return True

    def tell_specs(self) -> None:
        """Look up the kernelspecs, and send them. Blocking."""
        self._put({"specs": encode(self._engine.kernel_specs())})

    # -- runs in the publisher's thread ----

    def look(self) -> None:
        """Send what has changed, if the link takes it."""
        now = time.monotonic()
        if now - self._told_at[0] < PERIOD or not self._outgoing.is_idle:
            return
        self._has_told = False
        self._look_at_rows()
        self._look_at_values()
        if self._seen_output == self._sent_output:
            self._look_at_output()
        self._look_at_order()
        if notices := self._engine.take_notices():
            self._put({"notices": encode(notices)})
        if not self._has_told and now - self._told_at[-1] >= HEARTBEAT:
            self._put({})
        if self._has_told:
            self._told_at.append(now)

    def _look_at_output(self) -> None:
        for kernel_id, output in self._output.items():
            output.source = self._engine.transcript(kernel_id) or output.source
            source = output.source
            if source and (told := output.change(source.view(), self._budget)) is not None:
                self._put_output({"output": kernel_id, "change": told})
        for kernel_id, messages in self._messages.items():
            log = self._engine.message_log(kernel_id)
            if log and (told := messages.change(log.view(), self._budget)) is not None:
                self._put_output({"messages": kernel_id, "change": told})

    def _put_output(self, news: Fields) -> None:
        self._sent_output += 1
        self._output_sent_at = time.monotonic()
        self._put({**news, "number": self._sent_output})

    def _put(self, news: Fields) -> None:
        self._has_told = True
        self._outgoing.put({"now": round(time.monotonic(), 3), **news})

    def _look_at_rows(self) -> None:
        snapshots = self._engine.snapshots
        if snapshots is self._snapshots:
            return
        self._snapshots = snapshots
        changed: Fields = {}
        for kernel in snapshots:
            kernel_id = kernel.kernel_id
            if self._seen.get(kernel_id) is not kernel:
                now = encode(kernel)
                if told := changes(self._rows.get(kernel_id, {}), now):
                    changed[kernel_id] = told
                self._rows[kernel_id] = now
        self._seen = {kernel.kernel_id: kernel for kernel in snapshots}
        for start in range(0, len(changed), ROWS):
            self._put({"rows": dict(list(changed.items())[start : start + ROWS])})

    def _look_at_order(self) -> None:
        """Tell which kernels there are; one that is gone stays until its last output was sent."""
        followed = self._output
        owed = [each for each in self._rows if each in followed and followed[each].is_owed]
        order = list(dict.fromkeys((*self._seen, *owed)))
        if order != self._order:
            self._order = order
            self._rows = {kernel_id: self._rows[kernel_id] for kernel_id in order}
            self._put({"order": order})
            self._forget_logs_of_gone()

    def _forget_logs_of_gone(self) -> None:
        """Forget what was sent of the logs that the other side has forgotten."""
        with self._telling_log:
            self._logs = {each: log for each, log in self._logs.items() if each in self._seen}

    def _look_at_values(self) -> None:
        """Send the small values that are sent as a whole when they have changed."""
        console = self._engine.console
        values: Fields = {
            "host": encode(self._engine.host),
            "prompts": encode(console.prompts),
            "queued": encode(console.queued),
            "beside": encode(console.beside),
        }
        if told := {
            name: value for name, value in values.items() if self._values.get(name) != value
        }:
            self._values = values
            self._put(told)


def _followed(
    before: Mapping[str, F], wanted: Collection[str], make: Callable[[], F]
) -> Mapping[str, F]:
    names = list(wanted)[:MAX_FOLLOWED]
    return {name: before[name] if name in before else make() for name in names}
