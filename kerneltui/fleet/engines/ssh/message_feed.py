"""MessageFeed and MessageCopy: the messages of a kernel, from the agent to the dashboard."""

from __future__ import annotations

import time
from collections import deque

from kerneltui.fleet.engines.ssh.codec import Fields, decode, encode, items
from kerneltui.fleet.monitoring.message_log import (
    MAX_BYTES,
    MAX_RECORDS,
    MessageLogView,
    MessageRecord,
)

RECORD_COST = 300  # bytes of a message beside its parts


class MessageFeed:
    """Remembers what was sent of one message log; used by the agent."""

    def __init__(self) -> None:
        self._version = 0
        self._next = 0

    def change(self, view: MessageLogView, budget: int) -> Fields | None:
        """Return what is new, of too much only the end; None for no change.

        `budget`: bytes of messages that it may have.
        """
        if view.version == self._version:
            return None
        self._version = view.version
        fresh: list[MessageRecord] = []
        left = budget
        for record in reversed(view.records):
            left -= _size(record)
            if record.number < self._next or (left < 0 and fresh):
                break
            fresh.append(record)
        self._next = view.records[-1].number + 1 if view.records else self._next
        return {
            "records": [encode(each) for each in reversed(fresh)],
            "ours": encode(view.ours),
            "refused": dict(view.refused),
        }


class MessageCopy:
    """The messages of a kernel of another host. Written by the link's thread, read in any."""

    def __init__(self) -> None:
        self.looked_at = 0.0
        """When a front end has read it last; an instant of `time.monotonic()`."""
        self._records: deque[MessageRecord] = deque()
        self._size = 0
        self._view = MessageLogView()

    def view(self) -> MessageLogView:
        """Return the log as it is now: the same object until something changes."""
        self.looked_at = time.monotonic()
        return self._view

    def change(self, told: Fields, later: float) -> None:
        """Take in what is new. `later`: seconds by which the clock here is ahead of that there.

        Raises Unusable, and changes nothing then.
        """
        fresh = [decode(MessageRecord, each) for each in items(told.get("records", []))]
        ours = decode(frozenset[str], told.get("ours", []))
        refused = decode(dict[str, int], told.get("refused", {}))
        for record in fresh:
            last = self._records[-1].number if self._records else -1
            number = max(record.number, last + 1)  # as they are found by it
            self._records.append(record._replace(time=record.time + later, number=number))
            self._size += _size(record)
        while len(self._records) > MAX_RECORDS or self._size > MAX_BYTES:
            self._size -= _size(self._records.popleft())
        version = self._view.version + 1
        self._view = MessageLogView(tuple(self._records), ours, refused, version)


def _size(record: MessageRecord) -> int:
    return RECORD_COST + sum(map(len, record.parts)) + 8 * len(record.buffers)
