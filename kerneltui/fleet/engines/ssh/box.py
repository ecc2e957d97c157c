"""Box: what an agent has told of its host, as it is published here.

Rule: what is published is rebound, never changed, and stays there while the agent is silent.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from types import MappingProxyType
from typing import Any, TypeVar, cast

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.engines.ssh.codec import Fields, Unusable, decode, items, mapping, number
from kerneltui.fleet.engines.ssh.deltas import changed
from kerneltui.fleet.engines.ssh.instants import ClockDifference, moved, moved_prompt
from kerneltui.fleet.engines.ssh.message_feed import MessageCopy
from kerneltui.fleet.engines.ssh.names import Names
from kerneltui.fleet.engines.ssh.output_copy import OutputCopy
from kerneltui.fleet.inspection.host_usage import HostUsage
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.registry.notices import KEPT, Notice

MAX_KERNELS = 10_000
MAX_CODE = 1_000_000  # characters of code that waits in a console
FOLLOWED = 5.0  # seconds for which output is sent after a front end has read it last

C = TypeVar("C", OutputCopy, MessageCopy)
Codes = Mapping[str, tuple[str, ...]]


class Box:
    """Written by the engine's thread, read in any."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.snapshots: tuple[KernelSnapshot, ...] = ()
        self.host: HostUsage | None = None
        self.prompts: Mapping[str, Prompt] = MappingProxyType({})
        self.queued: Codes = MappingProxyType({})
        self.beside: Codes = MappingProxyType({})
        self.specs: tuple[SpecChoice, ...] = ()
        self.notices: deque[Notice] = deque(maxlen=KEPT)
        self._clock = ClockDifference()
        self._unheard_since: float | None = None
        self._rows: dict[str, Fields] = {}
        self._kernels: dict[str, KernelSnapshot] = {}
        """As they are there; the same objects until they change."""
        self._shown: dict[str, tuple[KernelSnapshot, KernelSnapshot]] = {}
        """As they are there, and as they are published."""
        self._order: list[str] = []
        self._prompts: Mapping[str, Prompt] = {}
        self._lock = Lock()
        self._output: dict[str, OutputCopy] = {}
        self._messages: dict[str, MessageCopy] = {}
        self._logs: dict[str, OutputCopy] = {}
        self._copies = self._output, self._messages, self._logs

    # -- in any thread ----

    def output(self, kernel_id: str) -> OutputCopy | None:
        """Return the output of a kernel, which is sent from now on; None for an unknown kernel."""
        return self._copy(self._output, kernel_id, OutputCopy)

    def messages(self, kernel_id: str) -> MessageCopy | None:
        return self._copy(self._messages, kernel_id, MessageCopy)

    def log(self, kernel_id: str) -> OutputCopy | None:
        """Return what was sent of a kernel's log."""
        return self._logs.get(kernel_id)

    def take_notices(self) -> tuple[Notice, ...]:
        """Return the notices since the last call."""
        taken = []
        while self.notices:
            taken.append(self.notices.popleft())
        return tuple(taken)

    def _copy(self, copies: dict[str, C], kernel_id: str, make: Callable[[], C]) -> C | None:
        if kernel_id not in self._kernels:
            return None
        with self._lock:
            copy = copies.setdefault(kernel_id, make())
        copy.looked_at = time.monotonic()
        return copy

    def followed(self) -> tuple[list[str], list[str]]:
        """Return the kernels whose output, and whose messages, are in sight."""
        since = time.monotonic() - FOLLOWED
        with self._lock:
            output = [each for each, copy in self._output.items() if copy.looked_at >= since]
            messages = [each for each, copy in self._messages.items() if copy.looked_at >= since]
        return output, messages

    # -- in the engine's thread ----

    def begin(self, now_there: float) -> None:
        """Take note that another agent speaks: it tells everything anew."""
        self._clock.restart()
        self._clock.add(now_there, time.monotonic())
        self._rows = {}
        with self._lock:
            self._messages.clear()  # the messages of another process are counted anew

    def hear(self, news: Fields) -> None:
        """Take in a line of news. Raises Unusable."""
        is_wrong = "now" in news and self._clock.add(number(news["now"]), time.monotonic())
        for name, value in news.items():
            if take := _TAKERS.get(name):
                take(self, value)
        if "change" in news:
            self._take_change(news)
        if is_wrong:
            self._shown = {}
        if is_wrong or news.keys() & {"rows", "order"}:
            self._publish()
        if is_wrong or "prompts" in news:
            self._publish_prompts()

    def mark_unheard(self, since: float | None) -> None:
        """Say in each row since when the agent has told nothing; None if it tells."""
        if since != self._unheard_since:
            self._unheard_since, self._shown = since, {}
            self._publish()

    def _publish(self) -> None:
        there = [self._kernels[each] for each in self._order if each in self._kernels]
        self._shown = {each.kernel_id: (each, self._snapshot(each)) for each in there}
        self.snapshots = tuple(shown for _, shown in self._shown.values())

    def _snapshot(self, there: KernelSnapshot) -> KernelSnapshot:
        """Return a kernel as it is published; the same object until it changes."""
        before, shown = self._shown.get(there.kernel_id, (None, there))
        if before is there:
            return shown
        return self._names.snapshot(moved(there, self._clock.seconds), self._unheard_since)

    def _publish_prompts(self) -> None:
        later = self._clock.seconds
        self.prompts = MappingProxyType(
            {
                self._names.outer(kernel_id): self._names.prompt(moved_prompt(prompt, later))
                for kernel_id, prompt in self._prompts.items()
            }
        )

    def _take_rows(self, told: object) -> None:
        for kernel_id, change in mapping(told).items():
            row = changed(self._rows.get(kernel_id, {}), mapping(change))
            kernel = decode(KernelSnapshot, row)
            is_new = kernel_id not in self._kernels
            if kernel.kernel_id != kernel_id or (is_new and len(self._kernels) >= MAX_KERNELS):
                raise Unusable("a kernel has another id than its row, or there are too many")
            self._rows[kernel_id], self._kernels[kernel_id] = row, kernel

    def _take_order(self, told: object) -> None:
        self._order = list(dict.fromkeys(decode(tuple[str, ...], told)))
        there = frozenset(self._order)
        self._rows = {each: row for each, row in self._rows.items() if each in there}
        self._kernels = {each: row for each, row in self._kernels.items() if each in there}
        with self._lock:
            for copies in cast(tuple[dict[str, Any], ...], self._copies):
                for gone in copies.keys() - there:
                    del copies[gone]

    def _take_host(self, told: object) -> None:
        self.host = None if told is None else decode(HostUsage, told)

    def _take_prompts(self, told: object) -> None:
        self._prompts = decode(dict[str, Prompt], told)

    def _take_queued(self, told: object) -> None:
        self.queued = MappingProxyType(self._names.keys(_codes(told)))

    def _take_beside(self, told: object) -> None:
        self.beside = MappingProxyType(self._names.keys(_codes(told)))

    def _take_specs(self, told: object) -> None:
        self.specs = tuple(map(self._names.spec, decode(tuple[SpecChoice, ...], told)))

    def _take_notices(self, told: object) -> None:
        self.notices.extend(map(self._names.notice, decode(tuple[Notice, ...], told)))

    def _take_change(self, news: Fields) -> None:
        """Take in a change of what is followed; one of what is not there any more is dropped."""
        told = mapping(news["change"])
        if "log" in news:
            kernel_id = decode(str, news["log"])
            if kernel_id in self._kernels:
                self._logs.setdefault(kernel_id, OutputCopy()).change(told)
        elif "messages" in news:
            messages = self._messages.get(decode(str, news["messages"]))
            if messages is not None:
                messages.change(told, self._clock.seconds)
        else:
            output = self._output.get(decode(str, news.get("output")))
            if output is not None:
                output.change(told)


_TAKERS: Mapping[str, Callable[[Box, object], None]] = {
    "rows": Box._take_rows,
    "order": Box._take_order,
    "host": Box._take_host,
    "prompts": Box._take_prompts,
    "queued": Box._take_queued,
    "beside": Box._take_beside,
    "specs": Box._take_specs,
    "notices": Box._take_notices,
}


def _codes(told: object) -> dict[str, tuple[str, ...]]:
    """Return code by kernel id. It is as it was typed: whoever shows it cleans it."""
    found = {}
    for kernel_id, codes in mapping(told).items():
        texts = [each for each in items(codes) if isinstance(each, str)]
        found[kernel_id] = tuple(each[:MAX_CODE] for each in texts)
    return found
