"""KernelConnection: a relay to one kernel of a server, and a manager for its local clients."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.kernels.gateway.relay import Relay
from kerneltui.kernels.gateway.relay_state import LinkGap, RelayLink, RelayState
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import RUNS, Exited, KernelState, ServerReported
from kerneltui.words import clock

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.link_keeper import Server

RESTARTS_APART = 2.0  # seconds: within these, one restart is told twice


class NotConnected(KernelError, RuntimeError):
    """A kernel of a server whose output, console and stack need a connection first."""


class KernelConnection:
    """What is heard of a kernel over a websocket: its `manager`'s status, and its relay's state.

    The manager follows no process: none is visible from here. It begins again, without knowing
    what the kernel does, when the connection breaks and when the kernel is restarted.
    """

    def __init__(
        self,
        server: Server,
        kernel_id: str,
        own_id: str,
        kernel_name: str,
        note: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        """`own_id`: the server's id of the kernel. `note`: adds a line to its transcript."""
        self.manager = KernelManager(kernel_name=kernel_name, kernel_id=kernel_id)
        self._server = server
        self._own_id = own_id
        self._note = note
        self._on_change = on_change
        self._relay = self._new_relay()
        self._looked = False
        """We have looked into the kernel: its server may take it for idle now."""
        self._restarted_at = 0.0
        self._link = RelayLink.CONNECTING
        self._lock = threading.Lock()

    def _new_relay(self) -> Relay:
        relay = Relay(self._server, self._own_id, on_change=self._note_link, on_gap=self._note_gap)
        self.manager.load_connection_info(relay.info.to_dict())
        return relay

    @property
    def is_open(self) -> bool:
        return self._relay.state.link is RelayLink.OPEN

    @property
    def is_over(self) -> bool:
        """Whether the server has refused to connect us again."""
        return self._relay.state.link is RelayLink.CLOSED

    def open(self) -> None:
        """Begin to connect, also after `is_over`. Raises KernelError."""
        if self.is_over:
            self._relay.close()
            self._relay = self._new_relay()
        self.manager.attach_kernel(None, age=None)  # first, to miss nothing
        self._relay.start()

    def wait_open(self, timeout: float) -> None:
        """Wait until it is connected. Raises KernelError."""
        self._relay.wait_open(timeout)

    def close(self) -> None:
        self._relay.close()

    def note_look(self) -> None:
        """Take note that a user looks into the kernel, which its server takes for its work."""
        self._looked = True

    def hear_server(self, state: KernelState, reason: str) -> None:
        """Take over what the server tells; what the kernel itself has told counts more."""
        manager = self.manager
        if state is KernelState.DEAD:
            if not manager.status.exited:
                manager.life.advance(Exited(None, reason))
        elif manager.status.exited:
            manager.attach_kernel(None, age=None)
        elif state in RUNS and not self._looked:
            manager.life.advance(ServerReported(RUNS[state]), manager.spawns)

    def restarting(self) -> contextlib.AbstractContextManager[None]:
        """Have requests wait for the new process while the kernel is restarted in the block."""
        return self._relay.restarting()

    def begin_again(self) -> bool:
        """Take note that the kernel was restarted; tell whether that is news."""
        with self._lock:
            now = time.monotonic()
            is_news = now - self._restarted_at > RESTARTS_APART
            self._restarted_at = now
        if is_news:
            self._looked = False
            self.manager.attach_kernel(None, age=0.0)
        return is_news

    def meet_new_process(self) -> None:
        """Send requests to the process that was restarted elsewhere, once it answers."""
        self._relay.note_restart()

    # -- in the gateway's thread ----

    def _note_link(self, state: RelayState) -> None:
        before, self._link = self._link, state.link
        if state.link is RelayLink.OPEN:
            self._looked = False
        elif before not in (RelayLink.CONNECTING, state.link):
            self._note(f"… connection {state}")
        if before is RelayLink.OPEN and state.link is RelayLink.LOST:
            # Now, not when it is open again: what is said first then must be heard.
            self.manager.attach_kernel(None, age=None)
        self._on_change()

    def _note_gap(self, gap: LinkGap) -> None:
        since, until = clock(gap.since), clock(gap.until)
        self._note(f"… {gap.why}, {since} to {until}: something may be missing here")
