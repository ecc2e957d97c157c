"""KernelMonitor: one thread that hears what all kernels publish on iopub.

Rule: a status is never dropped. Messages that do not fit into one turn wait in the SUB socket. If
there is too much output, a turn shows its end, and a mark says how much was skipped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import zmq

from kerneltui.errors import KernelError
from kerneltui.fleet.keeper.recording.recording import ProcessStarted, recording_path
from kerneltui.fleet.model.retention import USUAL, Limits
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.monitoring.message_log import TOTAL_BYTES, MessageLog
from kerneltui.fleet.monitoring.subscription import NEVER, IopubSubscription
from kerneltui.fleet.threads.mailbox import Mailbox
from kerneltui.fleet.transcript.batch import SideMessage
from kerneltui.fleet.transcript.entries import RequestEnd
from kerneltui.fleet.transcript.operations import Block, Step
from kerneltui.fleet.transcript.rendering import rendition
from kerneltui.fleet.transcript.store import TranscriptStore
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.guarded_thread import Failures, LoopThread
from kerneltui.kernels.processes.lifecycle import Listener
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.status import Event, Exited, HandedOver, Spawned

GLANCE = 0.005  # seconds between two looks whether a kernel was heard
TURN = 0.05  # seconds between two turns at least: messages that come meanwhile are one batch
HOLD = 0.05  # seconds that a client's message waits for earlier iopub messages to arrive
LAST_WORDS = 0.2  # seconds for the last messages of a dead kernel to arrive
RETRY = 1.0  # seconds until a subscription that failed is tried again


@frozen
class _Watched:
    manager: KernelManager
    subscription: IopubSubscription
    listener: Listener


Describe = Callable[[], str]
"""Returns the text on a kernel's end, to be written below its last output; "" for none."""


@frozen
class _End:
    """A process that has ended, but whose last messages may still be on their way."""

    describe: Describe
    due: float


@frozen
class _Retry:
    """A subscription that failed and is tried again: for example, no descriptors were left."""

    subscribe: Callable[[], None]
    due: float


class KernelMonitor:
    """Keeps the statuses, the transcripts and the `IopubFacts` of the kernels that it watches.

    `on_event`: called with each lifecycle event of a kernel, in the thread where it happens. For
    an end it may return a function that describes it, called after the last messages have come.
    `on_change`: called after a turn that changed something of what is kept here.
    """

    def __init__(
        self,
        on_event: Callable[[KernelManager, Event], Describe | None],
        on_change: Callable[[], None],
        limits: Limits = USUAL,
    ) -> None:
        self._on_event = on_event
        self._on_change = on_change
        self._transcripts = TranscriptStore(limits)
        self._watched: dict[str, _Watched] = {}
        self._mailbox = Mailbox()
        self._poller = zmq.Poller()
        self._poller.register(self._mailbox, zmq.POLLIN)
        self._closing: dict[IopubSubscription, _End] = {}
        self._failed: dict[IopubSubscription, _Retry] = {}
        self._failures = Failures("listening to a kernel")
        self._thread = LoopThread(self._wait_and_turn, "kernel-monitor", last=self._leave)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its sockets; the kernels do not notice."""
        for watched in list(self._watched.values()):
            watched.manager.life.remove_listener(watched.listener)
        self._thread.end()
        self._mailbox.shut(lambda: None)  # this wakes it
        self._thread.join()
        self._mailbox.close()

    def watch(self, manager: KernelManager) -> None:
        """Listen to a kernel from its next launch on."""
        subscription = IopubSubscription(manager, self._transcripts.create(manager.kernel_id))
        listener = partial(self._follow, manager, subscription)
        self._watched[manager.kernel_id] = _Watched(manager, subscription, listener)
        manager.life.add_listener(listener)
        manager.tap_messages = partial(subscription.messages.tap, manager.session)
        self._share()

    def dismiss(self, kernel_id: str) -> None:
        """Stop listening to a kernel, and forget what it said."""
        watched = self._watched.pop(kernel_id, None)
        if watched is not None:
            watched.manager.life.remove_listener(watched.listener)
            self._mailbox.put(partial(self._close, watched.subscription))
            self._transcripts.drop(kernel_id)
            self._share()

    def _share(self) -> None:
        """Divide the memory for all message logs evenly among the kernels."""
        watched = tuple(self._watched.values())
        for each in watched:
            each.subscription.messages.limit(TOTAL_BYTES // len(watched))

    def facts(self, kernel_id: str) -> IopubFacts:
        watched = self._watched.get(kernel_id)
        if watched is None:
            return IopubFacts()
        facts = watched.subscription.facts
        is_over = facts.is_over or facts.request == watched.subscription.replied
        return facts if is_over == facts.is_over else replace(facts, is_over=is_over)

    def transcript(self, kernel_id: str) -> Transcript | None:
        return self._transcripts.get(kernel_id)

    def message_log(self, kernel_id: str) -> MessageLog | None:
        watched = self._watched.get(kernel_id)
        return watched.subscription.messages if watched else None

    def wait_until_heard(self, kernel_id: str, patience: float) -> None:
        """Wait until anything was heard from a kernel's present process, at most so many seconds.

        What it publishes before is not heard here.
        """
        deadline, watched = time.monotonic() + patience, self._watched.get(kernel_id)
        while watched is not None and watched.subscription.heard_spawn != watched.manager.spawns:
            if time.monotonic() >= deadline:
                return
            time.sleep(GLANCE)

    def record(self, kernel_id: str, message: Message) -> None:
        """Show a message that a client of ours sent or received on another channel than iopub."""
        watched = self._watched.get(kernel_id)
        if watched is not None and message["msg_type"] == "execute_reply":
            watched.subscription.replied = parent_id(message)
        self._tell(kernel_id, message["header"].get("date"), rendition(message))

    def end(self, kernel_id: str, request: RequestEnd, date: object) -> None:
        """Show that a request of ours is over, once its output is shown.

        `date`: when its reply was sent, if that is a `datetime`.
        """
        watched = self._watched.get(kernel_id)
        if watched is not None:
            watched.subscription.ends.tell(request, date)
            self._mailbox.put(lambda: None)

    def note(self, kernel_id: str, text: str, parent: str = "") -> None:
        """Add a note of our own to a transcript. `parent`: the msg_id of a request it is about."""
        self._tell(kernel_id, datetime.now(UTC), [Block(Role.NOTE, text, parent)])

    def _tell(self, kernel_id: str, date: object, steps: Sequence[Step]) -> None:
        watched = self._watched.get(kernel_id)
        if watched is not None and steps:
            watched.subscription.tell(SideMessage(date, steps, time.monotonic() + HOLD))
            self._mailbox.put(lambda: None)

    def _follow(
        self, manager: KernelManager, subscription: IopubSubscription, event: Event
    ) -> None:
        match event:
            case Spawned(adopted) if any(manager.ports):  # else it was killed before it was adopted
                # Read here: in the monitor's thread these could already be the next launch's.
                info, spawn = manager.connection_info, manager.spawns
                file, kernel_id = manager.connection_file, manager.kernel_id
                recording = recording_path(file, kernel_id) if adopted else None
                began = _began(manager)
                self._mailbox.put(
                    partial(self._open, manager, subscription, info, spawn, began, recording)
                )
            case HandedOver():
                began = _began(manager)
                subscription.process = began.identity if began is not None else None
        describe = self._on_event(manager, event)
        if isinstance(event, Exited):
            self._mailbox.put(partial(self._finish, subscription, describe or (lambda: "")))

    # -- runs in the kernel-monitor thread ----

    def _wait_and_turn(self) -> None:
        ready = dict(self._poller.poll(self._timeout()))
        if self._turn(ready):
            self._on_change()
            time.sleep(TURN)

    def _turn(self, ready: Container[object]) -> bool:
        """Carry out orders, hear what is ready or due; tell whether anything happened."""
        changed = self._obey()
        now = time.monotonic()
        for watched in list(self._watched.values()):
            subscription = watched.subscription
            if subscription.socket in ready or subscription.due <= now:
                changed |= self._listen(subscription)
        for each in [each for each in self._failed.values() if each.due <= now]:
            self._failures.attempt(each.subscribe)
        for subscription in [
            each for each in self._about_to_close() if self._closing[each].due <= now
        ]:
            self._failures.attempt(partial(self._close, subscription))
            changed = True
        return changed

    def _about_to_close(self) -> list[IopubSubscription]:
        """Return those of dead kernels, except those whose recording is still being read."""
        return [each for each in self._closing if not each.is_replaying]

    def _obey(self) -> bool:
        """Carry out the orders of other threads; tell whether there were any."""
        orders = self._mailbox.take()
        for order in orders:
            self._failures.attempt(order)
        return bool(orders)

    def _listen(self, subscription: IopubSubscription) -> bool:
        """Hear one kernel; tell whether anything came, even if reading it failed."""
        try:
            return subscription.listen()
        except Exception as error:  # noqa: BLE001 - one kernel must not deafen us to the others
            self._failures.tell(error)
            return True

    def _timeout(self) -> int | None:
        """Return the milliseconds until something is due; None if nothing is."""
        dues = [watched.subscription.due for watched in list(self._watched.values())]
        dues += [self._closing[each].due for each in self._about_to_close()]
        dues += [each.due for each in self._failed.values()]
        due = min(dues, default=NEVER)
        return None if due == NEVER else max(0, math.ceil((due - time.monotonic()) * 1000))

    def _open(
        self,
        manager: KernelManager,
        subscription: IopubSubscription,
        info: ConnectionInfo,
        spawn: int,
        began: ProcessStarted | None,
        recording: Path | None,
    ) -> None:
        """Open a new SUB socket for a new process: the old one may still hold old messages."""
        self._close(subscription)
        watched = self._watched.get(manager.kernel_id)
        if watched is None or watched.subscription is not subscription:  # dismissed meanwhile
            return
        try:
            socket = subscription.open(manager.context, info, spawn, began, recording)
        except (KernelError, OSError, zmq.ZMQError) as error:
            self._failures.tell(KernelError(f"cannot listen to {manager.describe()}: {error}"))
            again = partial(self._open, manager, subscription, info, spawn, began, recording)
            self._failed[subscription] = _Retry(again, time.monotonic() + RETRY)
        else:
            self._poller.register(socket, zmq.POLLIN)

    def _finish(self, subscription: IopubSubscription, describe: Describe) -> None:
        subscription.note_end()
        self._closing[subscription] = _End(describe, time.monotonic() + LAST_WORDS)

    def _close(self, subscription: IopubSubscription) -> None:
        """Hear the last messages, close the socket, and write why the kernel has ended."""
        self._failed.pop(subscription, None)
        if subscription.socket is not None:
            self._listen(subscription)
            self._poller.unregister(subscription.socket)
            self._failures.attempt(subscription.close)
        end = self._closing.pop(subscription, None)
        if end is not None:
            self._failures.attempt(partial(_write_end, subscription, end.describe))

    def _leave(self) -> None:
        self._obey()
        for watched in list(self._watched.values()):
            self._failures.attempt(partial(self._close, watched.subscription))


def _began(manager: KernelManager) -> ProcessStarted | None:
    """Return the process that serves a kernel now; None if it is not visible."""
    if manager.process is None:
        return None
    age = time.monotonic() - manager.life.spawned_at if manager.life.spawned_at else 0.0
    return ProcessStarted(manager.process.identity, time.time() - age)


def _write_end(subscription: IopubSubscription, describe: Describe) -> None:
    if text := describe():
        subscription.transcript.note(text, time=time.time())
