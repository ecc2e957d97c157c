"""ServerVerbs: has a Jupyter server carry out verbs on its kernels. They block."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType

from kerneltui.errors import ActionRefused, KernelError, ServerRefused
from kerneltui.fleet.console.console import LOCKED
from kerneltui.fleet.control.controllers import ask_whether_it_answers
from kerneltui.fleet.engines.server.connections import Connections
from kerneltui.fleet.engines.server.listing import RemoteKernel
from kerneltui.fleet.engines.server.login import ServerLogin
from kerneltui.fleet.engines.server.poller import ServerPoller
from kerneltui.fleet.engines.server.snapshots import (
    CONNECTING,
    INTERRUPTING,
    RESTARTING,
    STOPPING,
    Order,
)
from kerneltui.fleet.engines.server.usage_report import ask_usage
from kerneltui.fleet.model.capabilities import Verb, why_not
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.engine_names import without_engine
from kerneltui.fleet.model.snapshot import Target
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState

EFFECT_TIME = 1.0  # seconds for an interrupt to be seen
GLANCE = 0.2  # seconds between two looks for that
NOTEBOOK = ".ipynb"
_FORWARDED = "KERNEL_"
"""How the variables begin that an Enterprise Gateway reads: KERNEL_USERNAME and others."""


@frozen
class _Asked:
    """A verb that is about to be carried out."""

    kernel_id: str
    own_id: str
    name: str
    kernel: RemoteKernel


class ServerVerbs:
    """Checks and carries out verbs; each returns a sentence worth showing, or ""."""

    def __init__(
        self,
        engine: str,
        server: ServerLogin,
        poller: ServerPoller,
        connections: Connections,
        on_change: Callable[[], None],
    ) -> None:
        self.orders: Mapping[str, Order] = MappingProxyType({})
        """The orders under way by the server's kernel id. Rebound, never changed."""
        self._engine = engine
        self._server = server
        self._poller = poller
        self._connections = connections
        self._on_change = on_change
        self._lock = threading.Lock()
        self._ways: Mapping[Verb, Callable[[_Asked], str]] = {
            Verb.INTERRUPT: self._interrupt,
            Verb.RESTART: self._restart,
            Verb.SHUTDOWN: self._shut_down,
            Verb.VERIFY: self._verify,
            Verb.CONNECT: self._connect,
        }

    def do(self, verb: Verb, target: Target) -> str:
        """Carry out a verb on the target kernel. Raises KernelError."""
        self._permit()
        kernel = self._known(target)
        if reason := why_not(Kind.REMOTE_SERVER, verb):
            raise ActionRefused(f"cannot {verb} {target.name}: {reason}")
        if kernel.state is KernelState.DEAD and not target.was_dead:
            raise ActionRefused(f"{target.name} has died meanwhile; nothing was done")
        own = without_engine(target.kernel_id, self._engine)
        return self._ways[verb](_Asked(target.kernel_id, own, target.name, kernel))

    def start(self, kernel_name: str, *, cwd: str, name: str) -> str:
        """Start a kernel; return the server's id of it.

        `cwd`: a path on the server, relative to its folder; one of this host is not sent. `name`:
        the path of a notebook to bind it to, or "".
        """
        self._permit()
        self._refuse_unheard()
        if name and not name.endswith(NOTEBOOK):
            raise ActionRefused(
                f"{self._engine} names kernels by notebooks: give a path with {NOTEBOOK}, or none"
            )
        own = without_engine(kernel_name, self._engine)
        if name:
            started = self._start_for_notebook(own, name)
        else:
            path = "" if cwd.startswith(("/", "~")) else cwd
            started = self._server.api.start(own, path=path, environment=_environment()).id
        self._poller.note_started(started)
        self._poller.look()
        return started

    def _start_for_notebook(self, kernel_name: str, path: str) -> str:
        session = self._server.api.start_session(kernel_name, path)
        if session.kernel is None:
            raise KernelError(f"{self._engine} did not tell the kernel that it started")
        return session.kernel.id

    # -- one kernel ----

    def _interrupt(self, asked: _Asked) -> str:
        with self._ordered(asked, INTERRUPTING):
            self._server.api.interrupt(asked.own_id)
            return self._effect(asked)

    def _effect(self, asked: _Asked) -> str:
        """Look whether an interrupt has an effect; return "" once it has."""
        deadline = time.monotonic() + EFFECT_TIME
        while True:
            self._poller.look()
            if self._state(asked) is not KernelState.BUSY:
                return ""
            if time.monotonic() >= deadline:
                return f"{asked.name} was interrupted by its server, and runs on"
            time.sleep(GLANCE)

    def _state(self, asked: _Asked) -> KernelState:
        """Return what the kernel does, as itself has told, else as its server has."""
        heard = self._connections.heard(asked.kernel_id)
        kernel = self._poller.kernels.get(asked.own_id)
        told = kernel.state if kernel is not None else KernelState.DEAD
        return told if heard is None or not heard.status.heard else heard.status.state

    def _restart(self, asked: _Asked) -> str:
        with self._ordered(asked, RESTARTING):
            with self._connections.restarting(asked.kernel_id):
                self._server.api.restart(asked.own_id)
            self._poller.look()
        return ""

    def _shut_down(self, asked: _Asked) -> str:
        """Shut the kernel down; one that is gone already is only seen to be gone."""
        with self._ordered(asked, STOPPING):
            try:
                self._server.api.shutdown(asked.own_id)
            except ServerRefused as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
            self._poller.look()
        return ""

    def _verify(self, asked: _Asked) -> str:
        """Ask whether the kernel answers; an idle Python kernel also what it takes.

        A busy one is not asked that: its server would call it idle, and might end it as unused.
        """
        manager = self._connections.manager_of(asked.kernel_id)
        said = ask_whether_it_answers(manager, asked.name)
        if self._state(asked) is KernelState.IDLE and self._connections.is_python(asked.kernel_id):
            return "; ".join(filter(None, (said, ask_usage(manager))))
        return said

    def _connect(self, asked: _Asked) -> str:
        with self._ordered(asked, CONNECTING):
            self._connections.connect(asked.kernel_id, asked.own_id, asked.kernel.model.name)
            self._poller.look()
        return ""

    # -- what is allowed ----

    def _permit(self) -> None:
        if self._connections.console.locked:
            raise ActionRefused(LOCKED)

    def _refuse_unheard(self) -> None:
        if self._poller.unheard_since is not None:
            raise ActionRefused(f"nothing was done: {self._poller.state}")

    def _known(self, target: Target) -> RemoteKernel:
        """Return the target kernel. Raises ActionRefused if it is gone, or its server is."""
        self._refuse_unheard()
        kernel = self._poller.kernels.get(without_engine(target.kernel_id, self._engine))
        if kernel is None:
            raise ActionRefused(f"{target.name} is gone; nothing was done")
        return kernel

    @contextlib.contextmanager
    def _ordered(self, asked: _Asked, word: str) -> Iterator[None]:
        """Show an order while it is under way. Raises ActionRefused if the kernel is gone."""
        self._show(asked.own_id, Order(word, time.monotonic()))
        try:
            yield
        except ServerRefused as error:
            self._poller.look()
            if error.status == HTTPStatus.NOT_FOUND:
                raise ActionRefused(f"{asked.name} is gone; nothing was done") from None
            raise
        finally:
            self._show(asked.own_id, None)

    def _show(self, kernel_id: str, order: Order | None) -> None:
        with self._lock:
            others = {each: word for each, word in self.orders.items() if each != kernel_id}
            self.orders = MappingProxyType(
                others if order is None else {**others, kernel_id: order}
            )
        self._on_change()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_FORWARDED)}
