"""Connections: the kernels of a server that we are connected to: output, console, looks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from kerneltui.fleet.console.console import Console
from kerneltui.fleet.diagnosis.condition import OpenPrompt
from kerneltui.fleet.diagnosis.ways.subject import Subject
from kerneltui.fleet.engines.server.connection import KernelConnection, NotConnected
from kerneltui.fleet.engines.server.listing import RemoteKernel
from kerneltui.fleet.engines.server.snapshots import Heard
from kerneltui.fleet.model.engine_names import with_engine
from kerneltui.fleet.model.retention import Limits
from kerneltui.fleet.monitoring.monitor import Describe, KernelMonitor
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.guarded_thread import GuardedThread
from kerneltui.kernels.processes.thread_room import require_threads
from kerneltui.protocol import fields
from kerneltui.protocol.status import Event, Exited, Reported
from kerneltui.words import clock

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.cells import Cell
    from kerneltui.fleet.diagnosis.ways.diagnosis import Diagnosis
    from kerneltui.kernels.gateway.link_keeper import Server

OPEN_TIME = 75.0  # seconds; a server may wait 60 for a kernel before it opens the websocket
THREADS = 2  # the monitor's and the console's
HEARING = 1.0  # seconds for our own subscription, which the relay answers


class ServerConsole(Console):
    """A console for the kernels that we are connected to."""

    def execute(self, kernel_id: str, code: str, *, beside: bool = False, msg_id: str = "") -> str:
        """Run code as any console does. Raises NotConnected."""
        self._find_manager(kernel_id)
        return super().execute(kernel_id, code, beside=beside, msg_id=msg_id)


class Connections:
    """Owns a monitor and a console, whose threads run from the first connection on."""

    def __init__(
        self, engine: str, server: Server, on_change: Callable[[], None], limits: Limits
    ) -> None:
        self.monitor = KernelMonitor(self._on_event, on_change, limits)
        self.console = ServerConsole(
            self.manager_of,
            self.monitor.record,
            self.monitor.note,
            self.monitor.message_log,
            lambda _kernel_id: True,
            end=self.monitor.end,
            may_look=True,
        )
        self._engine = engine
        self._server = server
        self._on_change = on_change
        self._connections: dict[str, KernelConnection] = {}
        """By the id that front ends know."""
        self._lock = threading.Lock()
        self._is_started = self._is_closed = False

    def connect(self, kernel_id: str, own_id: str, kernel_name: str) -> None:
        """Connect to a kernel, or wait until that is done. Blocking. Raises KernelError."""
        with self._lock:
            if self._is_closed:
                raise NotConnected(f"{kernel_id} cannot be connected to: its engine is closed")
            connection = self._connections.get(kernel_id)
            is_new = connection is None
            if connection is None:
                connection = self._begun(kernel_id, own_id, kernel_name)
            elif connection.is_over:
                connection.open()
        try:
            connection.wait_open(OPEN_TIME)
            self.monitor.wait_until_heard(kernel_id, HEARING)
        except BaseException:
            if is_new:
                self.drop(kernel_id, "it could not be connected to")
            raise

    def _begun(self, kernel_id: str, own_id: str, kernel_name: str) -> KernelConnection:
        if not self._is_started:
            require_threads(THREADS)
            self.monitor.start()
            self.console.start()
            self._is_started = True
        note = partial(self.monitor.note, kernel_id)
        connection = KernelConnection(
            self._server, kernel_id, own_id, kernel_name, note, self._on_change
        )
        self.monitor.watch(connection.manager)
        self._connections[kernel_id] = connection
        try:
            connection.open()
        except BaseException:
            del self._connections[kernel_id]
            self._forget(kernel_id, connection, "it could not be connected to")
            raise
        return connection

    def drop(self, kernel_id: str, why: str) -> None:
        """Close the connection to a kernel, and forget what it said."""
        with self._lock:
            connection = self._connections.pop(kernel_id, None)
        if connection is not None:
            self._forget(kernel_id, connection, why)

    def _forget(self, kernel_id: str, connection: KernelConnection, why: str) -> None:
        self.console.forget(kernel_id, why)
        self.monitor.dismiss(kernel_id)
        connection.close()

    def close(self) -> None:
        """Close all connections; the kernels go on."""
        with self._lock:
            self._is_closed = True
            connections, self._connections = self._connections, {}
        if self._is_started:
            self.console.stop()
            self.monitor.stop()
        # At once: a server that hangs keeps each of them waiting for its goodbye.
        closing = [GuardedThread(each.close, "gateway-close") for each in connections.values()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()

    # -- what is known ----

    def manager_of(self, kernel_id: str) -> KernelManager:
        """Return the manager of a kernel. Raises NotConnected."""
        return self._open_one(kernel_id).manager

    def _open_one(self, kernel_id: str) -> KernelConnection:
        connection = self._connections.get(kernel_id)
        if connection is None:
            raise NotConnected(f"{kernel_id} is not connected: connect to it first")
        return connection

    def heard(self, kernel_id: str) -> Heard | None:
        """Return what a kernel itself has told; None while we are not connected to it."""
        connection = self._connections.get(kernel_id)
        if connection is None or not connection.is_open:
            return None
        life, prompt = connection.manager.life, self.console.prompts.get(kernel_id)
        return Heard(
            status=life.status,
            period=life.period,
            iopub=self.monitor.facts(kernel_id),
            prompt=OpenPrompt(prompt.text, since=prompt.asked_at) if prompt else None,
            sent_at=self.console.waiting.get(kernel_id),
        )

    def is_python(self, kernel_id: str) -> bool:
        """Tell whether a kernel has said that it runs Python."""
        log = self.monitor.message_log(kernel_id)
        language = fields.mapping(log.kernel_info, "language_info") if log else {}
        return fields.text(language, "name") == "python"

    # -- what the server tells ----

    def hear_server(self, kernels: Mapping[str, RemoteKernel]) -> None:
        """Take over what a look has shown. `kernels`: by the server's id."""
        told = {with_engine(own, self._engine): kernel for own, kernel in kernels.items()}
        for kernel_id, connection in list(self._connections.items()):
            kernel = told.get(kernel_id)
            if kernel is None:
                self.drop(kernel_id, "the kernel is gone")
            else:
                connection.hear_server(kernel.state, kernel.model.reason)

    @contextlib.contextmanager
    def restarting(self, kernel_id: str) -> Iterator[None]:
        """Have requests wait for the new process while the kernel is restarted in the block.

        They wait until it is heard, too: what it published before would be lost.
        """
        connection = self._connections.get(kernel_id)
        if connection is None:
            yield
            return
        with connection.restarting():
            yield
            is_news = connection.begin_again()
            self.monitor.wait_until_heard(kernel_id, HEARING)
        if is_news:
            self._tell_restart(kernel_id)

    def note_restart(self, kernel_id: str) -> None:
        """Take note that the server has restarted a kernel."""
        connection = self._connections.get(kernel_id)
        if connection is not None and connection.begin_again():
            connection.meet_new_process()
            self._tell_restart(kernel_id)

    def _tell_restart(self, kernel_id: str) -> None:
        self.console.forget(kernel_id, "it was restarted")
        self.monitor.note(kernel_id, f"restarted {clock()}")

    # -- looks ----

    def subject(self, kernel_id: str) -> Subject:
        """Return a kernel to look into; its server takes the look for the kernel's work."""
        connection = self._open_one(kernel_id)
        connection.note_look()
        return Subject(kernel_id, connection.manager, identity=None)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        # Loaded when a kernel is first looked into, so that no start waits for it.
        from kerneltui.fleet.diagnosis.ways.diagnosis import Diagnosis

        return Diagnosis(self.console, self.monitor.message_log, self._cells)

    def _cells(self, subject: Subject) -> tuple[Cell, ...]:
        return self.monitor.facts(subject.kernel_id).cells

    # -- events, in the thread in which they happen ----

    def _on_event(self, manager: KernelManager, event: Event) -> Describe | None:
        if isinstance(event, Exited):
            self.console.forget(manager.kernel_id, f"{manager.describe()} is gone")
            return lambda: f"died: {event.reason or 'its server does not say why'}"
        if isinstance(event, Reported) and event.execution_state == "starting":
            self.console.forget(manager.kernel_id, "it was restarted")
        return None
