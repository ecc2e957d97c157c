"""Template: a process that has imported what a Python kernel needs, and forks kernels.

Rule: nothing here blocks. Whoever owns a template polls it, and reads what it tells.
"""

from __future__ import annotations

import array
import contextlib
import enum
import json
import os
import socket
import subprocess
import time
from pathlib import Path

from kerneltui.errors import describe_exit
from kerneltui.kernels.templates.events import (
    Event,
    Exited,
    Failed,
    Forked,
    Gone,
    Ready,
    Refused,
    Stale,
    event_of,
)
from kerneltui.kernels.templates.order import ForkOrder, order_file
from kerneltui.kernels.templates.recognition import TemplateKey

FOLDER = str(Path(__file__).with_name("inside"))
VARIABLE = "KERNELTUI_TEMPLATE"
WARMING_TIME = 30.0  # seconds until a template is ended that is not ready
ENDING_TIME = 1.0  # seconds for a killed template to be gone; it takes a moment
ROOM = 2048  # characters that a command line gets, where a process cannot replace it
_PACKET = 65_536  # bytes at most
_FDS = 2  # at most, of an event
_TAIL = 4096  # bytes of its stderr in which the reason for an early end is looked for


class TemplateState(enum.Enum):
    """Whether a template can fork."""

    WARMING = "warming"
    READY = "ready"
    STALE = "stale"
    FAILED = "failed"
    GONE = "gone"


class Template:
    """The asker's side of one template. Not for several threads at once."""

    def __init__(self, key: TemplateKey) -> None:
        """Start the process. Raises OSError."""
        self.key = key
        self.state = TemplateState.WARMING
        self.reason = ""
        """Why it is stale or has failed."""
        self.give_up_at = time.monotonic() + WARMING_TIME
        """Call `receive` then at the latest while it is warming."""
        self._numbers = 0
        self._waiting: set[int] = set()
        """The requests that were not answered."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._stderr = os.memfd_create("kerneltui-template-stderr")
        try:
            self._socket.send(json.dumps(key.preload).encode())
            self._popen = _start(key, theirs.fileno(), self._stderr)
        except BaseException:
            self._socket.close()
            os.close(self._stderr)
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def can_fork(self) -> bool:
        return self.state is TemplateState.READY

    def fileno(self) -> int:
        """Return a descriptor that is readable when `receive` has something; -1 once closed."""
        return self._socket.fileno()

    def request(self, order: ForkOrder, fds: tuple[int, int, int]) -> int:
        """Ask for a kernel; return the number under which it is told.

        `fds`: its stdin, stdout and stderr. Raises OSError if it cannot be asked now, or if the
        working directory cannot be opened.
        """
        passed = []
        try:
            passed.append(order_file(order, self.key))
            passed.append(os.open(order.cwd or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
            self._numbers += 1
            packet = json.dumps([self._numbers, order.deadline]).encode()
            rights = array.array("i", [*passed, *fds])
            self._socket.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        finally:
            for fd in passed:
                os.close(fd)
        self._waiting.add(self._numbers)
        return self._numbers

    def receive(self) -> list[Event]:
        """Return what it has told since the last call, in order."""
        events: list[Event] = []
        while self.fileno() >= 0:
            try:
                packet, fds = self._read()
            except BlockingIOError:
                break
            if not packet:
                events.append(self._ended())
                break
            if (event := event_of(packet, fds)) is not None:
                events.append(self._noted(event))
        if self.state is TemplateState.WARMING and time.monotonic() >= self.give_up_at:
            events.append(self._fail(f"it was not ready after {WARMING_TIME:g} s"))
        return events

    def close(self) -> None:
        """End it, if it has not ended. Its kernels run on."""
        if self.fileno() < 0:
            return
        self._socket.close()
        os.close(self._stderr)
        if self.state not in (TemplateState.FAILED, TemplateState.STALE):
            self.state = TemplateState.GONE
        self._popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the system; reaped later
            self._popen.wait(ENDING_TIME)

    def forget(self) -> None:
        """Close this process's side, in a fork of the process that it belongs to."""
        if self.fileno() >= 0:
            os.close(self._socket.detach())

    def _read(self) -> tuple[bytes, list[int]]:
        fds = array.array("i")
        room = socket.CMSG_SPACE(_FDS * fds.itemsize)
        try:
            packet, extras, _, _ = self._socket.recvmsg(_PACKET, room, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return b"", []
        for level, kind, content in extras:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        return packet, fds.tolist()

    def _noted(self, event: Event) -> Event:
        match event:
            case Ready():
                self.state = TemplateState.READY
            case Stale():
                self.state, self.reason = TemplateState.STALE, event.reason
            case Failed():
                return self._fail(event.reason)
            case Forked() | Refused():
                self._waiting.discard(event.number)
            case Exited() if event.number in self._waiting:  # it has not become a kernel
                self._waiting.discard(event.number)
                return Refused(event.number, f"its fork {describe_exit(event.returncode)} at once")
            case _:
                pass
        return event

    def _ended(self) -> Event:
        if self.state is TemplateState.WARMING:
            return self._fail(self._last_words() or "its interpreter has not run it")
        self.close()
        return Gone()

    def _fail(self, reason: str) -> Failed:
        self.state, self.reason = TemplateState.FAILED, reason
        self.close()
        return Failed(reason)

    def _last_words(self) -> str:
        """Return the last line that an interpreter wrote which could not even start."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._stderr).st_size
            written = os.pread(self._stderr, _TAIL, max(0, size - _TAIL))
            lines = written.decode(errors="replace").split("\n")
            return next((each.strip() for each in reversed(lines) if each.strip()), "")
        return ""


def _start(key: TemplateKey, number: int, stderr: int) -> subprocess.Popen[bytes]:
    env = dict(key.environment)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (FOLDER, env.get("PYTHONPATH"))))
    env[VARIABLE] = f"{number}:{FOLDER}"
    # An interpreter that does not become a template shows ipykernel's version and ends.
    arguments = ["--version", " " * ROOM]
    return subprocess.Popen(
        [key.interpreter, *key.options, "-m", key.module, *arguments],
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        pass_fds=[number],
        start_new_session=True,
    )
