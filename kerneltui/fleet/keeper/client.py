"""Asks the keeper of a runtime folder; each request has a connection of its own.

Linux only. Nothing waits longer than PATIENCE for a keeper that does not answer.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kerneltui.fleet.keeper.address import connect
from kerneltui.fleet.keeper.exchange import Inbox, Unusable, send
from kerneltui.fleet.keeper.order import LaunchOrder, told
from kerneltui.kernels.processes.conditions import own_place
from kerneltui.kernels.processes.identity import ProcessIdentity, boot_id, pid_namespace

PROTOCOLS = (1,)
"""The versions of the keeper's protocol that are spoken here."""
PATIENCE = 2.0  # seconds for the keeper to answer
LAUNCH_PATIENCE = 10.0  # seconds for it to start a process
END_PATIENCE = 0.5  # seconds for it to learn how a child has ended
LOOK = 0.01  # seconds between two questions
APPEARANCE = 3.0  # seconds for a keeper that has just been started to listen


class NoKeeper(Exception):
    """The keeper cannot do it, and why; nothing was started."""


class Unstartable(NoKeeper):
    """It is the command that cannot be run, or the environment that cannot be passed on."""


class KeeperGone(NoKeeper):
    """It ended just then, as one does that has nothing to do; another one may do it."""


class KeeperLost(Exception):
    """The keeper has ended, or hangs, in the middle of an order: it may have been carried out."""


class Launched(NamedTuple):
    """A process that the keeper has started."""

    identity: ProcessIdentity
    spawned: str
    """Why it was not forked from a template; "" if it was."""


class KeeperClient:
    """Asks one keeper. For any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def launch(self, order: LaunchOrder, streams: Sequence[int]) -> Launched:
        """Have the keeper start a process. Raises NoKeeper or KeeperLost.

        `streams`: descriptors for its stdin, stdout and stderr.
        """
        with self._connected() as (connection, inbox, greeting):
            if tuple(greeting.get("place", ())) != own_place():
                raise NoKeeper("it is held by other limits, or sees other files, than this process")
            try:
                connection.settimeout(max(0.0, order.deadline - time.monotonic()) + PATIENCE)
                send(connection, {"ask": "start", **told(order)}, streams)
                reply = _next(connection, inbox)
            except (OSError, EOFError, Unusable):
                raise KeeperLost from None
        if "unstartable" in reply:
            raise Unstartable(str(reply["unstartable"]))
        if "refused" in reply:
            raise NoKeeper(str(reply["refused"]))
        identity = ProcessIdentity(reply["pid"], reply["start_ticks"], boot_id(), pid_namespace())
        return Launched(identity, str(reply.get("spawned", "")))

    def warm(self, order: LaunchOrder) -> None:
        """Have the keeper prepare a template for launches like this. Raises NoKeeper."""
        with self._connected() as (connection, inbox, _greeting):
            try:
                send(connection, {"ask": "warm", **told(order)})
                _next(connection, inbox)
            except (OSError, EOFError, Unusable):
                raise NoKeeper("it does not answer") from None

    def replace_older(self, version: str) -> bool:
        """Have a keeper of another version leave, if it has nothing to do; tell whether it does.

        Another one can be started once it has gone. `version`: ours.
        """
        with (
            contextlib.suppress(NoKeeper, OSError, EOFError, Unusable),
            self._connected() as (connection, inbox, greeting),
        ):
            if greeting.get("kerneltui") != version:
                send(connection, {"ask": "leave"})
                if _next(connection, inbox).get("leaves") is True:
                    while inbox.read(connection):  # until it has gone
                        pass
                    return True
        return False

    def exit_code(self, identity: ProcessIdentity) -> int | None:
        """Return how a process has ended, as in `subprocess`; None if the keeper does not know."""
        ask = {"ask": "end", "pid": identity.pid, "start_ticks": identity.start_ticks}
        deadline = time.monotonic() + END_PATIENCE
        with (
            contextlib.suppress(NoKeeper, OSError, EOFError, Unusable),
            self._connected() as (connection, inbox, _greeting),
        ):
            while True:
                send(connection, ask)
                reply = _next(connection, inbox)
                code = reply.get("returncode")
                is_over = isinstance(code, int) or not reply.get("is_awaited")
                if is_over or time.monotonic() >= deadline:
                    return code if isinstance(code, int) else None
                time.sleep(LOOK)
        return None

    def stay(self) -> socket.socket | None:
        """Return a connection as long as which the keeper stays; None if there is none."""
        with contextlib.suppress(OSError):
            return connect(self._folder, PATIENCE)
        return None

    def is_there(self) -> bool:
        """Tell whether a keeper listens."""
        if (connection := self.stay()) is not None:
            connection.close()
        return connection is not None

    def wait_until_there(self) -> bool:
        """Wait for a keeper that has just been started; tell whether it listens."""
        deadline = time.monotonic() + APPEARANCE
        while not (is_there := self.is_there()) and time.monotonic() < deadline:
            time.sleep(LOOK)
        return is_there

    @contextlib.contextmanager
    def _connected(self) -> Iterator[tuple[socket.socket, Inbox, Mapping[str, Any]]]:
        """Yield a connection and the keeper's greeting. Raises NoKeeper before that."""
        if sys.platform != "linux":
            raise NoKeeper("there is none on this system")
        inbox = Inbox()
        with contextlib.ExitStack() as opened:
            opened.callback(inbox.close)
            try:
                connection = opened.enter_context(connect(self._folder, PATIENCE))
                greeting = _next(connection, inbox)
            except ConnectionError as error:
                raise KeeperGone(f"it cannot be reached: {error.strerror}") from None
            except OSError as error:
                raise NoKeeper(f"it cannot be reached: {error.strerror or error}") from None
            except EOFError:
                raise KeeperGone("it does not answer: it has gone") from None
            except Unusable as error:
                raise NoKeeper(f"it does not answer: {error}") from None
            if greeting.get("protocol") not in PROTOCOLS:
                version = greeting.get("kerneltui")
                raise NoKeeper(f"it is of kerneltui {version}, which speaks another protocol")
            yield connection, inbox, greeting


def _next(connection: socket.socket, inbox: Inbox) -> dict[str, Any]:
    """Return the next message. Raises OSError, EOFError or Unusable."""
    while (message := inbox.next()) is None:
        if not inbox.read(connection):
            raise EOFError
    return message


def null_device() -> int:
    """Return a descriptor to read nothing from; the caller closes it."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
