"""Routes: which local client has sent which request."""

from __future__ import annotations

from typing import NamedTuple

from kerneltui.bounded import Bounded

UNANSWERED_LIMIT = 10_000  # requests; some, as those of comms, are never answered
ANSWERED_LIMIT = 1_000  # a thread that a cell leaves behind may still ask for input


class Asker(NamedTuple):
    """Who has sent a request."""

    identity: bytes
    """Of the client's socket; shell, control and stdin of one client have the same one."""
    header: bytes
    """The request's, as JSON."""
    in_order: bool
    """A reply will come, after those to earlier requests that are in order."""


class Routes:
    """The askers of one channel's requests, by msg_id; the oldest are forgotten."""

    def __init__(self) -> None:
        self._unanswered: Bounded[str, Asker] = Bounded(UNANSWERED_LIMIT)
        self._answered: Bounded[str, Asker] = Bounded(ANSWERED_LIMIT)

    def note_request(self, msg_id: str, asker: Asker) -> None:
        self._unanswered[msg_id] = asker

    def find(self, msg_id: str) -> Asker | None:
        """Return who has sent a request, answered or not; None if it is not known."""
        return self._unanswered.get(msg_id) or self._answered.get(msg_id)

    def take_answered(self, msg_id: str) -> Asker | None:
        """Return who waits for the reply to a request, and count that as given; None if nobody."""
        asker = self._unanswered.pop(msg_id, None)
        if asker is not None:
            self._answered[msg_id] = asker
        return asker

    def unanswered(self) -> tuple[str, ...]:
        """Return the msg_ids of all requests without a reply, oldest first."""
        return tuple(self._unanswered)

    def in_order(self) -> tuple[str, ...]:
        """Return those that are answered in this order."""
        return tuple(msg_id for msg_id, asker in self._unanswered.items() if asker.in_order)
