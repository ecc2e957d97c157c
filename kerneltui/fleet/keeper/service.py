"""Service: starts kernels for those who ask the keeper, and tells how kernels have ended.

Whoever connects is greeted with the keeper's version and place; then each request gets one reply.
A connection that stays open keeps the keeper alive.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerneltui.fleet.keeper.address import listen, socket_path, uid_of
from kerneltui.fleet.keeper.ends import Ends
from kerneltui.fleet.keeper.exchange import Inbox, Unusable, pack
from kerneltui.fleet.keeper.order import LaunchOrder, read_order
from kerneltui.fleet.keeper.templates import Templates
from kerneltui.kernels.processes.conditions import give, own_conditions, own_place, why_not_given
from kerneltui.kernels.processes.identity import (
    ProcessIdentity,
    boot_id,
    identify,
    pid_namespace,
)
from kerneltui.kernels.templates.recognition import NoTemplate

PROTOCOL = 1
MAX_GUESTS = 200  # connections at a time
STREAMS = 3  # descriptors that come with an order: stdin, stdout, stderr


class Guest:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.inbox = Inbox()

    @property
    def is_there(self) -> bool:
        """Whether it has not closed its side, which may not have been seen yet."""
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def tell(self, message: Mapping[str, object]) -> None:
        """Send a short message; a guest that does not read is not waited for. Raises OSError."""
        self.connection.sendall(pack(message))

    def close(self) -> None:
        self.inbox.close()
        self.connection.close()


class Refused(Exception):
    """An order that is not carried out, and why."""


class Service:
    """Runs in the keeper's one thread, and never waits."""

    def __init__(
        self,
        folder: Path,
        ends: Ends,
        version: str,
        before_start: Callable[[], object],
        leave: Callable[[bool], bool],
    ) -> None:
        """Listen. Raises OSError.

        `version`: of this kerneltui. `before_start`: called before a kernel is started, whose
        manifest has been written. `leave`: ends the keeper if it has nothing to do, and tells
        whether it does; it is told whether there are other guests.
        """
        self._leave = leave
        self._before_start = before_start
        self._version = version
        self._path = socket_path(folder)
        self._ends = ends
        self._listener = listen(folder)
        self._listener.setblocking(False)
        self._place = _place_of(self._path)
        self._poller = select.epoll()  # which can be polled itself
        self._poller.register(self._listener.fileno(), select.EPOLLIN)
        self._guests: dict[int, Guest] = {}
        self._templates = Templates(ends, self._watch)

    def fileno(self) -> int:
        """Return a descriptor that is readable while something has come."""
        return self._poller.fileno()

    @property
    def has_guests(self) -> bool:
        return bool(self._guests)

    def close(self) -> None:
        # First, so that who is sent away does not come back here, but goes to the next keeper.
        self._listener.close()
        with contextlib.suppress(OSError):
            if _place_of(self._path) == self._place:  # not another keeper's, after a removal
                self._path.unlink()
        self._templates.close()
        for fd in tuple(self._guests):
            self._dismiss(fd)
        self._poller.close()

    def serve(self, patience: float = 0.0) -> None:
        """Answer what has come, or comes first within so many seconds."""
        for fd, _ in self._poller.poll(patience):
            if fd in self._guests:
                self._hear(fd, self._guests[fd])
            elif fd == self._listener.fileno():
                self._admit()
            else:
                self._templates.hear(fd)

    def look(self) -> None:
        """Give up, or end, what has waited too long."""
        self._templates.look()
        self._admit_later(is_full=False)

    def _watch(self, fd: int) -> None:
        self._poller.register(fd, select.EPOLLIN)

    def _admit(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # who came has gone, or there are no descriptors
            self._admit_later(is_full=error.errno in (errno.EMFILE, errno.ENFILE))
            return
        with contextlib.suppress(OSError):
            if uid_of(connection) != os.geteuid() or len(self._guests) >= MAX_GUESTS:
                connection.close()
                return
            connection.setblocking(False)
            guest = self._guests[connection.fileno()] = Guest(connection)
            self._watch(connection.fileno())
            greeting = {"kerneltui": self._version, "protocol": PROTOCOL, "place": own_place()}
            self._tell(guest, greeting)

    def _admit_later(self, *, is_full: bool) -> None:
        """Do not poll for newcomers until the next look, if there is no room for them."""
        self._poller.modify(self._listener.fileno(), 0 if is_full else select.EPOLLIN)

    def _dismiss(self, fd: int) -> None:
        guest = self._guests.pop(fd)
        self._poller.unregister(fd)
        guest.close()

    def _hear(self, fd: int, guest: Guest) -> None:
        try:
            is_open = guest.inbox.read(guest.connection)
            while (request := guest.inbox.next()) is not None:
                self._answer(guest, request)
        except BlockingIOError:
            return
        except (OSError, Unusable):
            is_open = False
        if not is_open:
            self._dismiss(fd)

    def _tell(self, guest: Guest, message: Mapping[str, object]) -> None:
        with contextlib.suppress(OSError):  # it has gone: its connection is seen to be closed
            guest.tell(message)

    # -- requests ----

    def _answer(self, guest: Guest, request: dict[str, Any]) -> None:
        match request.get("ask"):
            case "start":
                self._start(guest, read_order(request), guest.inbox.take_fds())
            case "warm":
                self._warm(read_order(request))
                self._tell(guest, {})
            case "leave":
                self._tell(guest, {"leaves": self._leave(len(self._guests) > 1)})
            case "end":
                self._tell(guest, self._end_of(_identity_in(request)))
            case unknown:
                self._tell(guest, {"refused": f"this keeper does not know {unknown!r}"})

    def _end_of(self, identity: ProcessIdentity) -> dict[str, object]:
        code = self._ends.exit_code(identity)
        return {"returncode": code, "is_awaited": self._ends.is_awaited(identity)}

    def _start(self, guest: Guest, order: LaunchOrder, streams: Sequence[int]) -> None:
        """Start a process and tell the guest; it may have to wait for a template."""

        def answer(found: ProcessIdentity | NoTemplate) -> None:
            if not isinstance(found, NoTemplate):
                self._tell(guest, _told(found))
            elif guest.is_there:
                self._tell(guest, self._spawn(order, streams, found.reason))
            _close(streams)

        if len(streams) != STREAMS:  # this process may have no room for more
            self._tell(
                guest, {"refused": f"{len(streams)} descriptors came with it, not {STREAMS}"}
            )
            _close(streams)
            return
        try:
            self._before_start()
        except BaseException:
            _close(streams)
            raise
        if not order.may_fork:
            answer(NoTemplate("forking is switched off"))
            return
        try:
            self._templates.fork(order, streams, answer, lambda: guest.is_there)
        except (OSError, ValueError) as error:
            answer(NoTemplate(getattr(error, "strerror", None) or "it cannot be passed on"))

    def _warm(self, order: LaunchOrder) -> None:
        with contextlib.suppress(OSError, ValueError):  # a kernel is then spawned
            self._templates.warm(order)

    def _spawn(self, order: LaunchOrder, streams: Sequence[int], why: str) -> dict[str, object]:
        """Start a child of this process. `why`: why it is not forked."""
        try:
            identity = _launched(order, streams)
        except Refused as error:
            return {"refused": str(error)}
        except (OSError, ValueError, OverflowError) as error:  # nobody can start it
            return {"unstartable": getattr(error, "strerror", None) or str(error)}
        self._ends.await_end(identity)
        return {**_told(identity), "spawned": why}


def _place_of(path: Path) -> tuple[int, int]:
    """Return what tells a file from a later one of its name. Raises OSError."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _told(identity: ProcessIdentity) -> dict[str, object]:
    return {"pid": identity.pid, "start_ticks": identity.start_ticks}


def _launched(order: LaunchOrder, streams: Sequence[int]) -> ProcessIdentity:
    """Start a child of this process. Raises Refused, OSError, ValueError or OverflowError."""
    import subprocess  # loads half a megabyte: not for a keeper that only records

    own = own_conditions()
    if why := why_not_given(order.conditions, own):
        raise Refused(why)
    if time.monotonic() > order.deadline:
        raise Refused("the order came too late")
    stdin, stdout, stderr = streams
    wanted = order.conditions
    is_same = replace(wanted, umask=own.umask) == own
    try:
        process = subprocess.Popen(
            order.argv,
            env=order.env,
            cwd=order.cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            umask=wanted.umask,
            # A fork of this process may run Python: no other thread of it does.
            preexec_fn=None if is_same else lambda: give(os.getpid(), wanted, own),
        )
    except subprocess.SubprocessError:
        raise Refused("its conditions cannot be given to it") from None
    process.returncode = 0  # it is reaped by Ends, and not by subprocess
    identity = identify(process.pid)
    assert identity is not None, "a child that was not waited for is at least a zombie"
    return identity


def _identity_in(request: Mapping[str, Any]) -> ProcessIdentity:
    try:
        pid, start_ticks = int(request["pid"]), int(request["start_ticks"])
    except (KeyError, TypeError, ValueError):
        raise Unusable("a request to the keeper names no process") from None
    return ProcessIdentity(pid, start_ticks, boot_id(), pid_namespace())
