"""Relay: a kernel of a Jupyter server, offered to this process on sockets like a local one's."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from kerneltui.errors import KernelError, KernelTimeout, ServerError
from kerneltui.kernels.connection.sockets import Context, default_context
from kerneltui.kernels.gateway.extra import NEEDS_EXTRA
from kerneltui.kernels.gateway.gateway_loop import gateway_loop
from kerneltui.kernels.gateway.relay_sockets import RelaySockets, new_info
from kerneltui.kernels.gateway.relay_state import LinkGap, RelayLink, RelayState
from kerneltui.kernels.processes.guarded_thread import Failures

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.link_keeper import LinkKeeper, Server

_log = logging.getLogger(__name__)


class Relay:
    """One websocket for all local clients of one kernel; `info` is what they connect to.

    A client gets the replies to its own requests and all of iopub, as from a local kernel. The
    sockets outlive the websocket: a link that is lost is opened again, under the same session, so
    that the server sends what it has kept. A request that is made meanwhile is sent then, if the
    same process still serves the kernel; if another one does, the reply says "aborted". A request
    that was sent before, and that will not be answered, gets an error as its reply: the kernel has
    died, or the reply was lost with the link. It is not sent again, as it may have run. After a
    restart, requests wait until the new process answers, and its server hears what it publishes.
    """

    def __init__(
        self,
        server: Server,
        kernel_id: str,
        *,
        context: Context | None = None,
        session_id: str | None = None,
        on_change: Callable[[RelayState], None] = lambda _state: None,
        on_gap: Callable[[LinkGap], None] = lambda _gap: None,
    ) -> None:
        """`session_id`: of an earlier connection whose missed messages the server has kept.

        `on_change`: called when `state` has changed. `on_gap`: called when messages may have been
        missed. Both are called in the gateway's thread: they return soon, and call no verb here.
        """
        self.kernel_id = kernel_id
        self.session_id = session_id or uuid.uuid4().hex
        self.info = new_info()
        """Where the local clients connect; nothing is there before `start`."""
        self._server = server
        self._context = context
        self._on_change = on_change
        self._on_gap = on_gap
        self._failures = Failures("a listener of a relay")
        self._changed = threading.Condition()
        self._state = RelayState(RelayLink.CONNECTING, time.monotonic())
        self._turn = threading.Lock()
        self._keeper: LinkKeeper | None = None
        self._is_over = False

    @property
    def state(self) -> RelayState:
        return self._state

    def start(self) -> None:
        """Open the sockets, and connect in the background; to be called once.

        Raises KernelError if there is no room for the sockets, or a package is not installed; it is
        CLOSED then.
        """
        try:
            self._start()
        except Exception as error:
            self._state = RelayState(RelayLink.CLOSED, time.monotonic(), str(error))
            raise

    def _start(self) -> None:
        try:
            from kerneltui.kernels.gateway.link_keeper import LinkKeeper
        except ModuleNotFoundError:
            raise ServerError(NEEDS_EXTRA) from None
        context = self._context or default_context()
        sockets = RelaySockets(context, self.info, f"kernel.{self.kernel_id}")

        async def begin() -> LinkKeeper:
            return LinkKeeper(
                self._server,
                self.kernel_id,
                self.session_id,
                sockets,
                on_change=self._set,
                on_gap=self._tell_gap,
            )

        with self._turn, contextlib.ExitStack() as undo:
            undo.callback(sockets.close, "it could not be connected to")
            gateway_loop().enter()
            undo.callback(gateway_loop().leave)
            self._keeper = gateway_loop().call(begin())
            undo.pop_all()

    def wait_open(self, timeout: float) -> None:
        """Wait until the websocket is open. `timeout`: seconds.

        Raises KernelTimeout, or KernelError if it will never be.
        """
        with self._changed:
            settled = (RelayLink.OPEN, RelayLink.CLOSED)
            self._changed.wait_for(lambda: self._state.link in settled, timeout)
            state = self._state
        if state.link is RelayLink.OPEN:
            return
        why = f": {state.reason}" if state.reason else ""
        failed = f"cannot connect to kernel {self.kernel_id[:8]} of the server"
        if state.link is RelayLink.CLOSED:
            raise KernelError(f"{failed}{why}")
        raise KernelTimeout(f"{failed} in {timeout:g} s{why}")

    @contextlib.contextmanager
    def restarting(self) -> Iterator[None]:
        """Have requests wait for the new process while the kernel is restarted in the block."""
        self._tell(lambda keeper: keeper.hold())
        try:
            yield
        except BaseException:
            self._tell(lambda keeper: keeper.note_restart(is_certain=False))
            raise
        self.note_restart()

    def note_restart(self) -> None:
        """Take note that the kernel was restarted: the old process answers nothing any more."""
        self._tell(lambda keeper: keeper.note_restart(is_certain=True))

    def _tell(self, message: Callable[[LinkKeeper], Coroutine[Any, Any, None]]) -> None:
        with self._turn:
            if self._keeper is not None and not self._is_over:
                gateway_loop().call(message(self._keeper))

    def close(self) -> None:
        """Close the websocket and the sockets; the kernel goes on. No effect the second time."""
        with self._turn:
            if self._keeper is None or self._is_over:
                return
            self._is_over = True
            try:
                gateway_loop().call(self._keeper.end())
            finally:
                gateway_loop().leave()

    # -- in the gateway's thread ----

    def _tell_gap(self, gap: LinkGap) -> None:
        _log.info("messages of kernel %s may be missing: %s", self.kernel_id[:8], gap.why)
        self._failures.attempt(partial(self._on_gap, gap))

    def _set(self, link: RelayLink, reason: str) -> None:
        if (link, reason) == (self._state.link, self._state.reason):
            return
        with self._changed:
            self._state = RelayState(link, time.monotonic(), reason)
            self._changed.notify_all()
        self._failures.attempt(partial(self._on_change, self._state))
