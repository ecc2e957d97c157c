"""KernelMonitor: one thread that hears what all kernels publish.

Rule: a status is never dropped. Each turn drains every socket; where there is more
output than the budget of a turn, the end of it is kept and a mark says what was skipped.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import zmq

from kerneltui.fleet.ear import Ear, Heard
from kerneltui.fleet.transcript import Transcript, TranscriptStore
from kerneltui.kernels.lifecycle import Listener
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.sockets import default_context
from kerneltui.protocol.message import Message
from kerneltui.protocol.status import Event, Exited, Reported, Spawned

TURN = 0.05  # seconds between two turns at the least: what comes meanwhile is one batch
LAST_WORDS = 0.2  # seconds for what a dead kernel said last to arrive

Order = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Attended:
    manager: KernelManager
    listener: Listener
    ear: Ear


class KernelMonitor:
    """Keeps the statuses, the transcripts and the facts of `Heard` of the kernels it attends to."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._transcripts = TranscriptStore()
        self._attended: dict[str, _Attended] = {}
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._wake_reader, self._wake_writer = os.pipe()
        self._stopping = False
        self._poller = zmq.Poller()
        self._closing: dict[Ear, float] = {}
        self._thread = threading.Thread(target=self._run, name="kernel-monitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its sockets; the kernels do not notice."""
        for attended in self._attended.values():
            attended.manager.life.remove_listener(attended.listener)
        self._order(self._leave)
        self._thread.join()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def attend(self, manager: KernelManager) -> None:
        """Listen to a kernel from its next launch on."""
        transcript = self._transcripts.create(manager.kernel_id)
        ear = Ear(manager, transcript)
        listener = partial(self._heed, ear)
        self._attended[manager.kernel_id] = _Attended(manager, listener, ear)
        manager.life.add_listener(listener)

    def dismiss(self, kernel_id: str) -> None:
        """Listen no more to a kernel, and forget what it said."""
        attended = self._attended.pop(kernel_id, None)
        if attended is not None:
            attended.manager.life.remove_listener(attended.listener)
            self._order(partial(self._close, attended.ear))
            self._transcripts.drop(kernel_id)

    def heard(self, kernel_id: str) -> Heard:
        attended = self._attended.get(kernel_id)
        return attended.ear.heard if attended else Heard()

    def transcript(self, kernel_id: str) -> Transcript | None:
        return self._transcripts.get(kernel_id)

    def record(self, kernel_id: str, message: Message) -> None:
        """Add a message that a client of ours sent or received beside iopub."""
        if attended := self._attended.get(kernel_id):
            self._order(partial(attended.ear.told.append, message))

    def note(self, kernel_id: str, text: str) -> None:
        """Add a word of our own to a transcript."""
        if attended := self._attended.get(kernel_id):
            self._order(partial(self._note, attended.ear, text))

    def _order(self, order: Order) -> None:
        self._orders.put(order)
        os.write(self._wake_writer, b".")

    def _heed(self, ear: Ear, event: Event) -> None:
        match event:
            case Spawned():
                self._order(partial(self._open, ear))
            case Exited(reason=reason):
                self._order(partial(self._finish, ear, reason))
            case Reported():
                return
        self._on_change()

    # -- runs in the kernel-monitor thread ----

    def _run(self) -> None:
        self._poller.register(self._wake_reader, zmq.POLLIN)
        while not self._stopping:
            ready = dict(self._poller.poll(self._timeout()))
            changed = self._obey(self._wake_reader in ready)
            for attended in list(self._attended.values()):
                if attended.ear.socket in ready or attended.ear.told:
                    changed |= attended.ear.listen()
            self._close_finished()
            if changed:
                self._on_change()
                time.sleep(TURN)

    def _timeout(self) -> int | None:
        """Return the milliseconds until the next ear is to be closed."""
        if not self._closing:
            return None
        return max(0, int((min(self._closing.values()) - time.monotonic()) * 1000) + 1)

    def _obey(self, ordered: bool) -> bool:
        if ordered:
            os.read(self._wake_reader, 4096)
        obeyed = False
        while not self._orders.empty():
            self._orders.get()()
            obeyed = True
        return obeyed

    def _open(self, ear: Ear) -> None:
        """Hear a new process by a new socket: the old one may still hold the old one's words."""
        self._close(ear)
        self._poller.register(ear.open(default_context()), zmq.POLLIN)

    def _finish(self, ear: Ear, reason: str) -> None:
        if reason:
            ear.transcript.note(reason, time=time.monotonic())
        if ear.socket is not None:
            self._closing[ear] = time.monotonic() + LAST_WORDS

    def _close_finished(self) -> None:
        now = time.monotonic()
        for ear in [each for each, when in self._closing.items() if when <= now]:
            self._close(ear)

    def _close(self, ear: Ear) -> None:
        self._closing.pop(ear, None)
        if ear.socket is not None:
            self._poller.unregister(ear.socket)
            ear.close()

    def _note(self, ear: Ear, text: str) -> None:
        ear.transcript.note(text, time=time.monotonic())

    def _leave(self) -> None:
        for attended in self._attended.values():
            self._close(attended.ear)
        self._stopping = True
