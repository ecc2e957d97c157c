"""IopubSubscription: hears one kernel on iopub: its status, its output and what it runs."""

from __future__ import annotations

import contextlib
import math
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import zmq

from kerneltui.errors import ProtocolError
from kerneltui.fleet.keeper.recording.flood_gate import SKIPPED, FloodGate
from kerneltui.fleet.keeper.recording.recording import Gap, ProcessStarted
from kerneltui.fleet.monitoring.iopub_facts import (
    IopubFacts,
    is_activity,
    is_of_look,
    reported,
    with_cell,
    with_status,
)
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.monitoring.replay import Past, Replay
from kerneltui.fleet.monitoring.request_ends import RequestEnds
from kerneltui.fleet.transcript.batch import OUTPUT_TYPES, Received, SideMessage, merge, render
from kerneltui.fleet.transcript.operations import Block
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.kernels.connection.session import ClientSession, session_for
from kerneltui.kernels.connection.sockets import Context
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol import fields
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.message import Message
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.words import clock

# The most that one turn reads from one kernel, so that its flood cannot silence the others. The
# rest waits for the next turn in the SUB socket, and nothing is lost.
TURN_MESSAGES = 20_000
TURN_BYTES = 8_000_000
DECODED = 5_000  # messages at the end of a turn; earlier output is skipped, as it would not be seen
NEVER = math.inf
TOPIC = "kerneltui-"
ONE_TIME = 1.0  # seconds: messages within so short a time share one time in the transcript
MOST_CLIENTS = 100  # remembered as different clients; more are not counted


class IopubSubscription:
    """One kernel's SUB socket and what it hears. For the monitor's thread, if not said otherwise.

    It is closed and opened again for each process: a socket that outlives its process would
    deliver the old process's messages as the new one's.
    """

    def __init__(self, manager: KernelManager, transcript: Transcript) -> None:
        self.transcript = transcript
        self.messages = MessageLog(secret=manager.session.key)
        self.facts = IopubFacts()
        """Rebound, never changed: any thread may read it."""
        self.replied = ""
        """The msg_id of our latest request that the kernel has replied to. Set in any thread: the
        reply comes on shell, and from a kernel that crashes it comes sooner than iopub's idle."""
        self.process: ProcessIdentity | None = None
        """The process that is heard; None before the first, and if it is not visible."""
        self._past_process: ProcessIdentity | None = None
        """The process whose messages are being replayed."""
        self._manager = manager
        self._session: ClientSession | None = None
        self._gate: FloodGate | None = None
        self._spawn = 0
        self.heard_spawn = 0
        """The number of the last process from which anything was heard; any thread may read it."""
        self._skipped = 0
        """Bytes of output since the last rendering that were not even decoded."""
        self.ends = RequestEnds()
        self._told: deque[SideMessage] = deque()
        self._replay: Replay | None = None
        self._is_of_interest = self._is_present = False
        """About the replayed messages: not heard here before; said by the present process."""
        self._known: frozenset[str] = frozenset()
        """Ids of recorded messages, which may come once more on iopub."""

    @property
    def socket(self) -> zmq.Socket[bytes] | None:
        return self._gate.socket if self._gate else None

    def tell(self, told: SideMessage) -> None:
        """Add a message from another channel than iopub. In any thread."""
        self._told.append(told)

    @property
    def due(self) -> float:
        """When to listen even if iopub is silent, an instant of `time.monotonic()`."""
        if self._replay is not None:
            return self._replay.due
        told = self._told[0].due if self._told else self.ends.due
        opens_at = self._gate.opens_at if self._gate else None
        return told if opens_at is None else min(told, opens_at)

    def open(
        self,
        context: Context,
        info: ConnectionInfo,
        spawn: int,
        began: ProcessStarted | None = None,
        recording: Path | None = None,
    ) -> zmq.Socket[bytes]:
        """Subscribe to the kernel's process number `spawn`; drop the facts of the one before.

        `began`: that process; None if it is not visible. `recording`: the recording of what it has
        said until now, if it was not started here. Raises KernelError, ZMQError or OSError, and
        leaves no socket open then.
        """
        if self.process is not None and began is not None:
            self._note_restart(self.process, began)
        self.process = began.identity if began is not None else None
        session, gate, replay = session_for(info), FloodGate(context, info), None
        try:
            if recording is not None and recording.exists():
                topic = f"{TOPIC}{uuid.uuid4().hex}".encode()
                gate.socket.subscribe(topic)
                replay = Replay(recording, info, topic)
        except BaseException:
            gate.close()
            raise
        if replay is not None:
            self._is_of_interest, self._is_present = self._spawn == 0, False
        self._session, self._gate, self._replay = session, gate, replay
        self._spawn = spawn
        self.facts = IopubFacts()
        self.transcript.mark_open(True)
        return gate.socket

    @property
    def is_replaying(self) -> bool:
        """Whether the recording of earlier messages is still being read."""
        return self._replay is not None

    def note_end(self) -> None:
        """Take note that the process has ended: only messages already sent will come."""
        if self._replay is not None:
            self._replay.note_end()

    def close(self) -> None:
        try:
            if self._replay is not None:
                self._replay.hurry()
            while self._replay is not None:
                self.listen()
        finally:
            self._replay = None
            if self._gate is not None:
                self._gate.close()
                self._gate = None
            self._end_requests(time.monotonic())
            self.transcript.mark_open(False)

    def listen(self) -> bool:
        """Read what has come; tell whether there was anything."""
        now, before = time.monotonic(), self.facts
        received = self._receive()
        if (replay := self._replay) is not None:
            replay.hold(received)
            self._remember(replay.read())
            if not replay.over:
                return self.facts is not before
            received, self._known = replay.release(), replay.known_ids()
            self._replay = None
        elif self._known:
            received = [each for each in received if each[1]["msg_id"] not in self._known]
        for _, message in received:
            self._note(message, now)
            self._note_client(message)
        self.messages.hear([each for each in received if not is_of_look(each[1])])
        if any(is_activity(message) for _, message in received):
            self.facts = replace(self.facts, last_activity=now)
        # A request of ours is in _told before iopub answers it, so _told is read after iopub.
        batch = merge(received, self._told, now)
        skipped, self._skipped = self._skipped, 0
        for step in render(batch, skipped):
            step.apply(self.transcript, time.time())
        self.ends.hear(received, now)
        has_ended = self._end_requests(now)
        return bool(batch) or has_ended or self.facts is not before

    def _end_requests(self, now: float) -> bool:
        """Write which requests are over; tell whether any is."""
        if self._told:  # perhaps by the reply: what it tells is shown first
            return False
        over = self.ends.over(now, is_last=self._gate is None)
        for each in over:
            self.transcript.end(each)
        return bool(over)

    def _remember(self, past: Sequence[Past]) -> None:
        """Show what was said before this subscription was opened, each with its time."""
        together: list[Received] = []
        for each in past:
            if not isinstance(each, ProcessStarted | Gap):
                if together and not _is_of_one_time(together[0][1], each[1]):
                    self._tell_past(together)
                    together = []
                together.append(each)
                continue
            self._tell_past(together)
            together = []
            if isinstance(each, Gap):
                if self._is_of_interest:
                    self.transcript.note(_describe_gap(each), time=each.until)
            else:
                self._begin(each)
        self._tell_past(together)

    def _note_restart(self, before: ProcessIdentity, began: ProcessStarted) -> None:
        if before != began.identity:
            at, pids = clock(began.at), f"{before.pid} to {began.identity.pid}"
            self.transcript.note(f"restarted {at}, pid {pids}", time=began.at)

    def _begin(self, began: ProcessStarted) -> None:
        process = self._manager.process
        if self._is_of_interest and self._past_process is not None:
            self._note_restart(self._past_process, began)
        self._past_process = began.identity
        self._is_present = process is not None and began.identity == process.identity
        self._is_of_interest |= self._is_present  # earlier ones were heard here already
        self.facts = IopubFacts()

    def _tell_past(self, received: Sequence[Received]) -> None:
        if not received or not self._is_of_interest:
            return
        said_at = _time_of(received[-1][1])
        heard_at = time.monotonic() - max(0.0, time.time() - said_at)
        if self._is_present:
            for _, message in received:
                self._note(message, heard_at)
        for step in render(received):
            step.apply(self.transcript, said_at)
        if any(is_activity(message) for _, message in received):
            self.facts = replace(self.facts, last_activity=heard_at)

    def _receive(self) -> list[Received]:
        """Return the messages that have come, in order; only count those that fail verification."""
        received: list[Received] = []
        if self._gate is None or self._session is None:
            return received
        before, was_closed = self._session.refused.copy(), self._gate.is_closed
        for raw in self._without_what_is_overtaken(self._gate):
            self.heard_spawn = self._spawn
            with contextlib.suppress(ProtocolError):
                received.append((raw, self._session.believe(raw, sealed=OUTPUT_TYPES)))
        if self._gate.is_closed and not was_closed:
            self._told.append(SideMessage(None, [Block(Role.NOTE, f"… {SKIPPED}")], 0.0))
        if self._session.refused != before:
            self.messages.refuse(self._session.refused - before)
            self.facts = replace(self.facts, refused=self._session.refused.total())
        return received

    def _without_what_is_overtaken(self, gate: FloodGate) -> list[RawMessage]:
        """Return the messages that have come; of a flood, without the output at its beginning."""
        came = list(gate.receive(TURN_MESSAGES, TURN_BYTES))
        beginning, end = came[:-DECODED], came[-DECODED:]
        kept = [each for each in beginning if each.msg_type not in OUTPUT_TYPES]
        self._skipped += sum(each.size for each in beginning) - sum(each.size for each in kept)
        return kept + end

    def _note(self, message: Message, at: float) -> None:
        """Take note of a message from the present process; `at`: when it was sent."""
        if message["msg_type"] == "execute_input":
            session = fields.text(message["parent_header"], "session")
            is_ours = self.messages.is_ours(session)
            self.facts = with_cell(self.facts, message, is_ours=is_ours)
        elif message["msg_type"] == "status":
            told = reported(message)
            self.facts = with_status(self.facts, told)
            self._manager.life.advance(told, self._spawn, at)

    def _note_client(self, message: Message) -> None:
        """Take note of other clients that run code; for the past it is unknown which were ours."""
        session, known = fields.text(message["parent_header"], "session"), self.facts.clients
        if message["msg_type"] != "execute_input" or not session:
            return
        is_news = session not in known and len(known) < MOST_CLIENTS
        if is_news and not self.messages.is_ours(session):
            self.facts = replace(self.facts, clients=known | {session})


def _time_of(message: Message) -> float:
    """Return when a message was sent, in seconds since the epoch."""
    date = message["header"].get("date")
    return date.timestamp() if isinstance(date, datetime) else time.time()


def _is_of_one_time(first: Message, later: Message) -> bool:
    return abs(_time_of(later) - _time_of(first)) < ONE_TIME


def _describe_gap(gap: Gap) -> str:
    return f"… {gap.why}, {clock(gap.since)} to {clock(gap.until)}: something may be missing here"
