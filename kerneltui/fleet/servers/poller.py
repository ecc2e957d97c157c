"""ServerWatch: finds the running Jupyter servers and asks them for their kernels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from kerneltui.errors import KernelError
from kerneltui.fleet.servers.jupyter_server import JupyterServer, find_servers
from kerneltui.fleet.servers.rest import ServedKernel, served_kernels
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.folders import connection_folders
from kerneltui.kernels.processes.guarded_thread import GuardedThread

INTERVAL = 5.0  # seconds between two questions to a server
PATIENCE = 2.0  # seconds for a server's answer


class Served(NamedTuple):
    """A kernel and the server that lists it."""

    server: JupyterServer
    kernel: ServedKernel


@frozen
class Listing:
    """What Jupyter servers have told about their kernels."""

    kernels: Mapping[str, Served] = field(default_factory=dict)
    """By kernel id."""
    told: frozenset[int] = frozenset()
    """The pids of the servers that have told which kernels are theirs."""

    @property
    def owners(self) -> dict[str, int]:
        """The pid of each kernel's server, by kernel id."""
        return {kernel_id: served.server.pid for kernel_id, served in self.kernels.items()}

    def with_what_was_told(self, before: Listing, running: Iterable[JupyterServer]) -> Listing:
        """Add the earlier answers of servers that run but have not answered this time."""
        silent = before.told & {server.pid for server in running} - self.told
        kept = {
            kernel_id: served
            for kernel_id, served in before.kernels.items()
            if served.server.pid in silent
        }
        return Listing({**kept, **self.kernels}, self.told | silent)

    def of(self, kernel_id: str) -> ServedKernel | None:
        served = self.kernels.get(kernel_id)
        return served.kernel if served else None


def ask_servers(servers: Iterable[JupyterServer], timeout: float) -> Listing:
    """Ask all servers at once; one that refuses or does not answer lists nothing."""
    told = [
        (server, found) for server, found in _answers(tuple(servers), timeout) if found is not None
    ]
    return Listing(
        {
            kernel_id: Served(server, kernel)
            for server, found in told
            for kernel_id, kernel in found.items()
        },
        frozenset(server.pid for server, _ in told),
    )


def _answers(
    servers: Sequence[JupyterServer], timeout: float
) -> Iterator[tuple[JupyterServer, dict[str, ServedKernel] | None]]:
    """Yield each server's answer when it comes, for `timeout` seconds in all.

    Each server is asked in a daemon thread, so that the program can exit without waiting for it:
    a name lookup may take longer than any timeout.
    """
    answers: SimpleQueue[tuple[JupyterServer, dict[str, ServedKernel] | None]] = SimpleQueue()

    def ask(server: JupyterServer) -> None:
        answers.put((server, _listed(server, timeout)))

    for server in servers:
        GuardedThread(partial(ask, server), "ask-server").start()
    deadline = time.monotonic() + timeout
    for _ in servers:
        try:
            yield answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            return


def _listed(server: JupyterServer, timeout: float) -> dict[str, ServedKernel] | None:
    try:
        return served_kernels(server, timeout)
    except KernelError:  # for example, it wants a password; a verb asks it again
        return None


class ServerWatch:
    """Asks the servers in a thread. `on_change`: called in it after the listing has changed."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.servers: tuple[JupyterServer, ...] = ()
        """The running servers. Rebound, never changed: any thread may read it."""
        self.listing = Listing()
        """Rebound as well."""
        self.folders: tuple[Path, ...] = ()
        """Folders besides the usual ones in which servers may have a file. Rebound as well."""
        self._on_change = on_change
        self._missed: frozenset[str] = frozenset()
        self._due = 0.0
        """When to ask next, an instant of `time.monotonic()`."""
        self._thread = PeriodicThread("servers", "asking Jupyter servers", self._look)

    def start(self) -> None:
        self.servers = self._find()
        self._thread.start()

    def stop(self) -> None:
        self._thread.end()  # not joined: it may be waiting for a server

    def take_turn(self, timeout: float) -> None:
        """Ask the servers at once if that is due, and wait for it, at most so many seconds."""
        self._thread.take_turn(timeout)

    def miss(self, kernel_ids: frozenset[str]) -> None:
        """Ask at once if one of these kernels is new; no server has listed them yet."""
        if kernel_ids - self._missed:
            self._due = 0.0
        self._missed = kernel_ids

    def _find(self) -> tuple[JupyterServer, ...]:
        return tuple(find_servers(dict.fromkeys((*connection_folders(), *self.folders))))

    # -- runs in the servers thread ----

    def _look(self) -> None:
        servers, now = self._find(), time.monotonic()
        if servers == self.servers and now < self._due:
            return
        self.servers, self._due = servers, now + INTERVAL
        listing = ask_servers(servers, PATIENCE).with_what_was_told(self.listing, servers)
        if listing != self.listing and not self._thread.has_ended:
            self.listing = listing
            self._on_change()
