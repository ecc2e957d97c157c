"""RecordedKernel: records the iopub of one kernel's processes, one after the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Container
from pathlib import Path

import zmq

from kerneltui.errors import KernelError
from kerneltui.fleet.keeper.recording.beside import is_beside_status, says_idle
from kerneltui.fleet.keeper.recording.flood_gate import SKIPPED, FloodGate
from kerneltui.fleet.keeper.recording.format import NOT_RECORDED, Gap
from kerneltui.fleet.keeper.recording.recording import recording_path, unheard_since
from kerneltui.fleet.keeper.recording.writer import RecordingWriter
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.kernels.connection.sockets import default_context
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.private_file import read_regular
from kerneltui.protocol.connection import ConnectionInfo, parse_connection_file
from kerneltui.protocol.raw_message import RawMessage

LAUNCH = 60.0  # seconds that a launch may take until the process is known
REST = 10.0  # seconds after an end to wait for another process on the same ports
DRAIN = 0.2  # seconds that the last messages of a dead process may take to arrive
LATE = 1.0  # seconds after a launch in which nothing is missed: a kernel takes longer to be ready
ARRIVAL = 1.0  # seconds after which a subscription has surely reached the kernel
BUDGET = 1_000_000  # bytes received of one kernel before others have their turn
MAX_FILE = 100_000  # bytes of a connection file
TURN_MESSAGES = 5_000  # messages of one kernel before others have their turn


class RecordedKernel:
    """Subscribes before the process is known, and reads once it is known."""

    def __init__(
        self,
        manifest: Manifest,
        poller: zmq.Poller,
        on_end: Callable[[AdoptedProcess], None] = lambda _process: None,
    ) -> None:
        """`on_end`: called with each process of the kernel when it has ended."""
        path = recording_path(manifest.connection_file, manifest.kernel_id)
        self.manifest = manifest
        """As it was last read."""
        self.writer = RecordingWriter(path)
        self._poller = poller
        self._on_end = on_end
        self._unheard_since = unheard_since(path)
        self._info: ConnectionInfo | None = None
        self._gate: FloodGate | None = None
        self._skipped_since: float | None = None
        """When the gate has closed, in seconds since the epoch; None while it is open."""
        self._connected_at = 0.0
        self._process: AdoptedProcess | None = None
        self._is_introduced = False
        """The recording names this process: it is sure that its messages arrive."""
        self._over: ProcessIdentity | None = None
        """The process that is known to have ended."""
        self._was_idle = False
        """An idle status beside the main shell was recorded of the present process."""
        self._drained_at: float | None = None
        self._awaited_until = 0.0

    @property
    def is_living(self) -> bool:
        may_live = self.manifest.identity not in (None, self._over)
        return self._process is not None or may_live or self._is_awaited

    def turn(self, ready: Container[object]) -> bool:
        """Record the messages that wait; tell if there are more. Raises OSError from writing."""
        now = time.time()
        has_more = False
        self._follow_hand_over()
        if self._process is not None and self._gate is not None:
            if self._gate.socket in ready or self._gate.is_closed:
                has_more = self._receive(self._process, self._gate, now)
            self._note_end(self._process, ready, now)
        if self._process is None:
            self._prepare(now)
        elif now - self._connected_at >= ARRIVAL:
            self._introduce(self._process, now)
        self.writer.flush(now)
        return has_more

    def mark_heard(self) -> None:
        """Mark on the recording until when it is complete."""
        if self._process is not None and self._is_introduced:
            self.writer.mark_heard()

    def close(self) -> None:
        """Write what has arrived, and stop listening."""
        now = time.time()
        if self._process is not None and self._gate is not None:
            self._receive_all(self._process, self._gate, now)
        with contextlib.suppress(OSError):
            self.writer.flush(now)
        self.writer.close()
        self._forget_process()
        self._disconnect()

    # -- a process that is heard ----

    def _receive(self, process: AdoptedProcess, gate: FloodGate, now: float) -> bool:
        """Take what has arrived, up to a budget; tell whether there may be more."""
        for raw in gate.receive(TURN_MESSAGES, BUDGET):
            self._introduce(process, now)
            if not self._is_repeated(raw):
                self.writer.add_message(raw.frames, now)
        if self._skipped_since is None and gate.is_closed:
            self._skipped_since = now
        elif not gate.is_closed:
            self._note_skipped(now)
        return gate.has_more

    def _is_repeated(self, raw: RawMessage) -> bool:
        """Tell whether a message only repeats what the first idle status told: a live kernel."""
        if not is_beside_status(raw):
            return False
        was_idle, self._was_idle = self._was_idle, self._was_idle or says_idle(raw)
        return was_idle

    def _note_skipped(self, now: float) -> None:
        if self._skipped_since is not None:
            self.writer.add_gap(Gap(self._skipped_since, now, SKIPPED), now)
            self._skipped_since = None

    def _receive_all(self, process: AdoptedProcess, gate: FloodGate, now: float) -> None:
        """Take all that has arrived, also a kernel's last messages, and note what was skipped."""
        deadline = time.monotonic() + DRAIN  # a kernel that stays alive may send for ever
        while self._receive(process, gate, now) and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.writer.flush(now)
        self._note_skipped(now)

    def _note_end(self, process: AdoptedProcess, ready: Container[object], now: float) -> None:
        if self._drained_at is None and process.fileno() in ready:
            self._poller.unregister(process.fileno())
            self._drained_at = time.monotonic() + DRAIN
            self._on_end(process)
        is_drained = self._drained_at is not None and time.monotonic() >= self._drained_at
        has_successor = self.manifest.identity not in (None, process.identity)
        if is_drained or has_successor:
            self._finish(process, now)

    def _follow_hand_over(self) -> None:
        """Switch to the process that serves the kernel, if its wrapper was followed so far."""
        identity, wrapper = self.manifest.identity, self.manifest.launched
        known = self._process.identity if self._process is not None else None
        if identity is None or wrapper is None or known != wrapper:
            return
        self._forget_process()
        self._follow(identity)

    def _finish(self, process: AdoptedProcess, now: float) -> None:
        if self._gate is not None:
            self._receive_all(process, self._gate, now)
        self._introduce(process, now)
        self.writer.end(now)
        self._over = process.identity
        self._forget_process()
        self._disconnect()
        self._awaited_until = time.monotonic() + REST

    def _forget_process(self) -> None:
        if self._process is not None and self._drained_at is None:
            self._poller.unregister(self._process.fileno())
        self._process = self._drained_at = None

    # -- a process that is to come ----

    @property
    def _is_awaited(self) -> bool:
        is_launched = self.manifest.identity is None
        if is_launched and abs(time.time() - self.manifest.started_at) < LAUNCH:
            return True
        return time.monotonic() < self._awaited_until

    def _prepare(self, now: float) -> None:
        identity = self.manifest.identity
        if identity is not None and identity != self._over:
            if not identity.is_alive():
                self._over = identity
                self._note_unheard_end(now)
            elif self._connect(now):
                self._begin(identity)
        elif self._is_awaited:
            self._connect(now)
        else:
            self._disconnect()

    def _begin(self, identity: ProcessIdentity) -> None:
        self.writer.close()  # its file may have expired, and been removed, since the last end
        self._follow(identity)
        assert self._gate is not None, "it was connected"
        self._poller.register(self._gate.socket, zmq.POLLIN)
        if self._unheard_since is None and self.manifest.started_at < self._connected_at - LATE:
            self._unheard_since = self.manifest.started_at

    def _introduce(self, process: AdoptedProcess, now: float) -> None:
        """Record, once, that the process is heard from now on, and the gap before that.

        A subscription takes time to reach the kernel, and earlier messages are missed. The first
        message proves that it has arrived; without one, it is sure after ARRIVAL seconds.
        """
        if not self._is_introduced:
            self._is_introduced = True
            self._note_unheard(now)
            self.writer.begin(process.identity, now)

    def _note_unheard(self, now: float) -> None:
        if self._unheard_since is not None:
            self.writer.add_gap(Gap(self._unheard_since, now, NOT_RECORDED), now)
            self._unheard_since = None

    def _follow(self, identity: ProcessIdentity) -> None:
        self._process = AdoptedProcess(identity)
        self._is_introduced = self._was_idle = False
        self._poller.register(self._process.fileno(), zmq.POLLIN)

    def _note_unheard_end(self, now: float) -> None:
        """Record the gap of a process that ended while no recorder listened to it."""
        if self._unheard_since is not None:
            self._note_unheard(now)
            self.writer.end(now)

    def _connect(self, now: float) -> bool:
        """Subscribe on the connection file's ports; return False if that is not possible yet."""
        path = Path(self.manifest.connection_file)
        try:
            info = parse_connection_file(read_regular(path, MAX_FILE), str(path))
            if info != self._info:
                self._disconnect()
                self._gate = FloodGate(default_context(), info)
                self._info, self._connected_at = info, now
        except (OSError, KernelError, zmq.ZMQError):  # not written yet, or not completely
            return False
        return True

    def _disconnect(self) -> None:
        if self._gate is not None:
            if self._gate.socket in self._poller:
                self._poller.unregister(self._gate.socket)
            self._gate.close()
        self._gate = self._info = None
