"""RemoteKernel: one kernel of a remote engine, as `run`, `wait`, `logs` and `stack` use it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from kerneltui.commands.listing import Listed, find, list_all
from kerneltui.commands.opened_engine import OpenedEngine
from kerneltui.commands.opened_engines import OpenedEngines
from kerneltui.commands.printing import warn
from kerneltui.errors import KernelDied, KernelError, KernelTimeout
from kerneltui.fleet.engines.remote_engine import RemoteEngine
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.transcript.entries import TranscriptView
from kerneltui.protocol.status import KernelState

LOOK = 0.05  # seconds between two looks at a kernel
LAST_WORDS = 10.0  # seconds for the last output of a kernel that has ended to come
SILENCE = 10.0  # seconds for which its engine may be disconnected
UNATTENDED = (
    "no front end is connected to it; if its server kept output for one that comes back, that"
    " output is lost now"
)


class RemoteKernel:
    """A kernel that a word on the command line means."""

    def __init__(self, engine: OpenedEngine, row: KernelSnapshot) -> None:
        self._engine = engine
        self._first = row
        self.kernel_id = row.kernel_id
        self.name = row.name

    def asked(self) -> AbstractContextManager[RemoteEngine]:
        """Give its engine for one request; what it raises is a KernelError."""
        return self._engine.asked()

    def lock(self, locked: bool) -> None:
        """Have its engine send it no requests, if `locked`."""
        with self.asked() as engine:
            engine.locked = locked

    def row(self) -> KernelSnapshot:
        """Return what is known of it now. Raises KernelDied, and KernelError if nothing is."""
        rows = self._engine.snapshots
        row = next((each for each in rows if each.kernel_id == self.kernel_id), None)
        if row is None:
            raise KernelDied(f"{self.name} is gone", None, ())
        if row.state is KernelState.DEAD:
            why = f": {row.reason}" if row.reason else ""
            raise KernelDied(f"{self.name} is dead{why}", row.returncode, ())
        since = row.unheard_since
        if since is not None and time.monotonic() - since > SILENCE:
            raise KernelError(self._engine.problem or f"{row.host} does not tell what it does")
        return row

    def connect(self) -> None:
        """Connect to a kernel of a server, for its output and for requests. Blocking."""
        row = self.row()
        if Verb.CONNECT not in row.allowed:
            return
        if row.is_unattended:
            warn(f"{self.name}: {UNATTENDED}")
        with self.asked() as engine:
            engine.do(Verb.CONNECT, row.target)

    def wait_until_idle(self, timeout: float | None) -> None:
        """Return once it is idle. Raises KernelTimeout, and KernelDied if it ends."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (row := self.row()).state is not KernelState.IDLE:
            if deadline is not None and time.monotonic() >= deadline:
                raise KernelTimeout(f"{self.name} is {row.state} after {timeout:g} s")
            time.sleep(LOOK)

    def interrupt(self) -> None:
        with self.asked() as engine:
            engine.do(Verb.INTERRUPT, self.row().target)


class LastWords:
    """Tells when the output of a kernel is complete: its end may be told before that output."""

    def __init__(self, kernel: RemoteKernel) -> None:
        self.died: KernelDied | None = None
        """How it has ended; None while it has not."""
        self.is_busy = False
        self._kernel = kernel
        self._due = 0.0

    def look(self) -> None:
        """Look whether it has ended. Raises KernelError if nothing is known of it."""
        if self.died is not None:
            return
        try:
            self.is_busy = self._kernel.row().state is KernelState.BUSY
        except KernelDied as died:
            self.died, self._due = died, time.monotonic() + LAST_WORDS

    def are_in(self, view: TranscriptView) -> bool:
        """Tell whether a view, read after the look, has all that it has said, or it is overdue."""
        return self.died is not None and (not view.is_open or time.monotonic() >= self._due)


def found(word: str, engines: OpenedEngines) -> RemoteKernel | None:
    """Return the kernel that a word means; None if it is one of this host.

    Raises NoSuchKernel as `find` does.
    """
    engines.settle([word])
    named = engines.named_by(word)
    here: list[Listed] = [] if named is not None else list_all()
    kernels: list[Listed | KernelSnapshot] = [*here, *engines.snapshots]
    meant = find(kernels, word)
    engine = engines.named_by(meant.kernel_id)
    if engine is None or isinstance(meant, Listed):
        return None
    return RemoteKernel(engine, meant)
